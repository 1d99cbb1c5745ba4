"""The model: an encoder, recurrent layers and a head; exact counts of its parameters."""
