"""The one exception that means "the user can put this right"."""


class UserError(Exception):
    """Bad input. The message is one line: what is wrong, and what would be right.

    The command line prints it after `error:` and exits with status 2.
    """
