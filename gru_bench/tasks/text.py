"""Text classification: the tokens of a document in, its class out.

The documents lie on the device as one array of token ids; a batch is a gather from it.
"""

import dataclasses
from collections.abc import Iterator
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Integer, Key
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE, WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import ByteLevel, PreTokenizer, Whitespace
from tokenizers.pre_tokenizers import Split as SplitTokens
from tokenizers.trainers import WordLevelTrainer

from gru_bench.config.preprocessing import Preprocessing, TextPreprocessing
from gru_bench.config.score import Score
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.text import TextConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import Batch, Split, register_tree, static
from gru_bench.tasks.corpora import Corpus, Documents
from gru_bench.tasks.corpus_sources import Note

# Their places in this list are their ids.
SPECIAL_TOKENS = ["[PAD]", "[UNK]"]
PADDING, UNKNOWN = range(2)

ENCODED_AT_ONCE = 256  # texts
# Characters: a tokenizer takes about a hundred bytes for each.
PIECE_LENGTH = 10_000
# Words of a language that the training documents cover are known to a larger share.
MANY_UNKNOWN = 0.25

Item = tuple[Int[Array, "*steps batch"], Float[Array, "*steps batch"]]


@register_tree
@dataclasses.dataclass(frozen=True)
class TextTask:
    """A `Task` over the documents of a corpus: training first, then validation, then test.

    Attributes:
        documents: Token ids, padded at the end, in the smallest integer type that holds them.
        lengths: Tokens of each document, at least 1.
        labels: Class of each document.
        sizes: Documents in training, validation and test.
        preprocessing: How texts become token ids, and the names of the classes.
    """

    documents: Integer[Array, "documents time"]
    lengths: Int[Array, " documents"]
    labels: Int[Array, " documents"]
    sizes: tuple[int, int, int] = static()
    input_size: int = static()
    output_size: int = static()
    readout: Readout = static()
    batch_size: int = static()
    score: Score = static()
    preprocessing: Preprocessing = static()
    tokens: bool = static(default=True)

    @property
    def sequence_length(self) -> int:
        """Tokens of the longest document, after cutting."""
        return int(self.documents.shape[1])

    @property
    def examples(self) -> int:
        """Training documents, each used at most once an epoch."""
        return self.sizes[0]

    def schedule(self, key: Key[Array, ""], first_step: Int[Array, ""], steps: int) -> Item:
        """Returns the items of training steps: a document at most once an epoch, in a new order.

        Documents left over when an epoch is cut into whole batches wait for another epoch.

        Args:
            key: Decides the order in every epoch.
            first_step: Number of the first step, counted from the start of training.
            steps: Number of steps.

        Returns:
            Rows of `documents` and weights of one, `[steps, batch]` both.
        """
        epoch_steps = self.examples // self.batch_size
        # The first step may be the last of its epoch, so this many epochs can be touched.
        epochs = (epoch_steps - 1 + steps + epoch_steps - 1) // epoch_steps
        first_epoch = first_step // epoch_steps

        def batches_of(epoch: Int[Array, ""]) -> Int[Array, "epoch_steps batch"]:
            order = jax.random.permutation(jax.random.fold_in(key, epoch), self.examples)
            return order[: epoch_steps * self.batch_size].reshape(epoch_steps, self.batch_size)

        batches = jax.vmap(batches_of)(first_epoch + jnp.arange(epochs))
        indices = jax.lax.dynamic_slice_in_dim(
            batches.reshape(-1, self.batch_size), first_step % epoch_steps, steps
        )
        return indices, jnp.ones(indices.shape)

    def evaluation(self, key: Key[Array, ""], split: Split) -> Item:
        """Returns items that cover the split; for "train", a sample as large as validation.

        Rows that fill up the last batch have weight zero.
        """
        train, validation, test = self.sizes
        if split == "train":
            rows = jax.random.permutation(key, train)[:validation]
        elif split == "validation":
            rows = train + jnp.arange(validation)
        else:
            rows = train + validation + jnp.arange(test)
        shape = (-(-len(rows) // self.batch_size), self.batch_size)
        filler = shape[0] * shape[1] - len(rows)
        indices = jnp.pad(rows, (0, filler))
        weights = jnp.pad(jnp.ones(len(rows)), (0, filler))
        return indices.reshape(shape), weights.reshape(shape)

    def batch(self, item: Item) -> Batch:
        """Returns the documents of one item: token ids `[time, batch]`, classes `[batch]`."""
        indices, weights = item
        return Batch(
            inputs=self.documents[indices].astype(jnp.int32).T,
            targets=self.labels[indices],
            lengths=self.lengths[indices],
            weights=weights,
        )

    def tally(self, outputs: Float[Array, "batch classes"], batch: Batch) -> dict[str, Array]:
        """Returns sums over the batch: cross entropy in nats, documents, and counts of each class.

        These are `correct`, the documents of a class for which it was predicted; `actual`, its
        documents; and `predicted`, the documents for which it was predicted.
        """
        loss = optax.softmax_cross_entropy_with_integer_labels(
            outputs.astype(jnp.float32), batch.targets
        )
        guesses = outputs.argmax(-1)

        def count(classes: Int[Array, " batch"], weights: Array) -> Float[Array, " classes"]:
            return jnp.zeros(self.output_size).at[classes].add(weights)

        return {
            "loss": jnp.sum(batch.weights * loss),
            "count": jnp.sum(batch.weights),
            "correct": count(batch.targets, batch.weights * (guesses == batch.targets)),
            "actual": count(batch.targets, batch.weights),
            "predicted": count(guesses, batch.weights),
        }

    def predictions(
        self, outputs: Float[Array, "batch classes"], batch: Batch
    ) -> Integer[Array, " batch"]:
        """Returns the class predicted for each document."""
        return outputs.argmax(-1).astype(_smallest_type(self.output_size))

    def scores(self, tally: dict[str, Array]) -> dict[str, Float[Array, ""]]:
        """Returns mean cross entropy in nats, accuracy, and macro F1.

        F1 of a class is 2 TP / (2 TP + FP + FN); macro F1 is its plain mean over the classes that
        occur among the targets or the predictions, which is scikit-learn's `f1_score` with
        `average="macro"`.
        """
        correct = tally["correct"]
        occurrences = tally["actual"] + tally["predicted"]
        occurs = occurrences > 0
        f1 = 2 * correct / jnp.where(occurs, occurrences, 1)
        return {
            "loss": tally["loss"] / tally["count"],
            "accuracy": correct.sum() / tally["count"],
            "macro_f1": f1.sum() / occurs.sum(),
        }

    def solved(self, scores: dict[str, Float[Array, ""]]) -> Array:
        """Returns False: no mark says when text counts as solved."""
        return jnp.array(False)

    def longer(self, multiple: int) -> None:
        """Returns None: documents are as long as they are."""


def make_task(
    config: TextConfig, corpus: Corpus, batch_size: int, note: Note = lambda line: None
) -> TextTask:
    """Turns a corpus into token ids on the device.

    Args:
        config: Kind of tokens, their number, how many of a document are read, the readout, how many
            training documents are kept.
        corpus: Labelled text. The vocabulary is learnt from the training documents kept.
        batch_size: Documents a batch.
        note: Takes a line if many tokens are unknown.

    Returns:
        The task; its `input_size` is the size of the vocabulary found, which may be smaller than
        `config.vocabulary_size`.

    Raises:
        UserError: An epoch does not hold a single batch, or the vocabulary would be empty.
    """
    train = keep_documents(corpus.train, config.train_documents)
    splits = (train, corpus.validation, corpus.test)
    sizes = (len(train.texts), len(corpus.validation.texts), len(corpus.test.texts))
    if sizes[0] < batch_size:
        raise UserError(
            f"batch_size={batch_size} is not possible: batch_size must be at most {sizes[0]},"
            " the documents to train on"
        )
    tokenizer = make_tokenizer(config, train.texts)
    text = TextPreprocessing(
        tokenizer=tokenizer.to_str(), tokens=config.tokens, max_length=config.max_length
    )
    encoded = encode(text, tokenizer, [each for split in splits for each in split.texts])
    _note_unknown(config, encoded[sizes[0] : sizes[0] + sizes[1]], note)
    lengths = np.array([len(ids) for ids in encoded], np.int32)
    vocabulary_size = tokenizer.get_vocab_size()
    documents = np.full((len(encoded), lengths.max()), PADDING, _smallest_type(vocabulary_size))
    for row, ids in zip(documents, encoded, strict=True):
        row[: len(ids)] = ids

    commonest = np.bincount(train.labels).argmax()
    return TextTask(
        documents=jnp.asarray(documents),
        lengths=jnp.asarray(lengths),
        labels=jnp.asarray(np.concatenate([split.labels for split in splits])),
        sizes=sizes,
        input_size=vocabulary_size,
        output_size=len(corpus.class_names),
        readout=cast(Readout, config.readout),
        batch_size=batch_size,
        score=dataclasses.replace(
            config.SCORE, baseline=float(np.mean(corpus.test.labels == commonest))
        ),
        preprocessing=Preprocessing(text=text, class_names=corpus.class_names),
    )


def keep_documents(documents: Documents, number: int | None) -> Documents:
    """Returns so many of the documents, each class in proportion; all if `number` is None.

    The choice is the same in every run, and a smaller number keeps a part of what a larger one
    does: document k of a class of n, in a fixed random order, ranks by (k + 1/2) / n.

    Raises:
        UserError: There are not so many.
    """
    if number is None:
        return documents
    total = len(documents.texts)
    if number > total:
        raise UserError(
            f"task.train_documents={number} is not possible: the training split has {total}"
        )
    order = np.random.default_rng(0).permutation(total)
    rank = np.empty(total)
    for label in np.unique(documents.labels):
        members = order[documents.labels[order] == label]
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
    kept = np.sort(np.argsort(rank, kind="stable")[:number])
    return Documents([documents.texts[i] for i in kept], documents.labels[kept])


def make_tokenizer(config: TextConfig, texts: list[str]) -> Tokenizer:
    """Returns a tokenizer whose ids 0 and 1 are padding and unknown.

    Words are lower case runs of letters and digits, or of punctuation; words and characters are
    those that occur at least `min_frequency` times in the texts, the commonest first, up to
    `vocabulary_size` ids in all. Bytes, of which there are 256, are learnt from nothing.
    """
    if config.tokens == "bytes":
        symbols = SPECIAL_TOKENS + sorted(ByteLevel.alphabet())
        ids = {symbol: i for i, symbol in enumerate(symbols)}
        tokenizer = Tokenizer(BPE(vocab=ids, merges=[], unk_token=SPECIAL_TOKENS[UNKNOWN]))
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
        return tokenizer

    tokenizer = Tokenizer(WordLevel({}, unk_token=SPECIAL_TOKENS[UNKNOWN]))
    pre_tokenizer: PreTokenizer
    if config.tokens == "words":
        tokenizer.normalizer = Lowercase()
        pre_tokenizer = Whitespace()
    else:
        pre_tokenizer = SplitTokens(Regex(r"[\s\S]"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizer
    # A document that spells out "[PAD]" must not contain padding.
    tokenizer.encode_special_tokens = True
    tokenizer.train_from_iterator(
        (piece for text in texts for piece in pieces(text)),
        WordLevelTrainer(
            vocab_size=config.vocabulary_size,
            min_frequency=config.min_frequency,
            special_tokens=SPECIAL_TOKENS,
            show_progress=False,
        ),
    )
    if tokenizer.get_vocab_size() == len(SPECIAL_TOKENS):
        raise UserError(
            f"task.min_frequency={config.min_frequency} is not possible: no token of the"
            " training split is so frequent"
        )
    return tokenizer


def load_tokenizer(text: TextPreprocessing) -> Tokenizer:
    """Returns the tokenizer that `make_tokenizer` made."""
    tokenizer = Tokenizer.from_str(text.tokenizer)
    tokenizer.encode_special_tokens = True  # which its JSON does not tell
    return tokenizer


def encode(
    config: TextConfig | TextPreprocessing, tokenizer: Tokenizer, texts: list[str]
) -> list[np.ndarray]:
    """Returns ids of the first `max_length` tokens of each text; an empty text has one unknown."""
    dtype = _smallest_type(tokenizer.get_vocab_size())
    if config.tokens != "words":
        # No character is less than a token, so that the rest of a text need not be looked at.
        texts = [text[: config.max_length] for text in texts]
    encoded = []
    for start in range(0, len(texts), ENCODED_AT_ONCE):
        rest = [pieces(text) for text in texts[start : start + ENCODED_AT_ONCE]]
        beginnings = tokenizer.encode_batch_fast([next(each) for each in rest])
        for beginning, further in zip(beginnings, rest, strict=True):
            ids = beginning.ids
            while len(ids) < config.max_length and (piece := next(further, None)) is not None:
                ids += tokenizer.encode_batch_fast([piece])[0].ids
            encoded.append(np.array(ids[: config.max_length] or [UNKNOWN], dtype))
    return encoded


def pieces(text: str) -> Iterator[str]:
    """Cuts a long text into pieces, of which the tokens together are those of the text.

    A piece ends after a blank; only where there is none for `PIECE_LENGTH` characters, a word may
    be cut in two. There is at least one piece.
    """
    start = 0
    while len(text) - start > PIECE_LENGTH:
        end = start + PIECE_LENGTH
        blank = max(text.rfind(each, start, end) for each in " \n\t")
        end = end if blank < 0 else blank + 1
        yield text[start:end]
        start = end
    yield text[start:]


def _note_unknown(config: TextConfig, documents: list[np.ndarray], note: Note) -> None:
    """Says so if many tokens of documents that were not learnt from are unknown."""
    advice = {
        "words": "for text without spaces between words write task.tokens=characters; otherwise"
        " try task.min_frequency=1 or more documents",
        "characters": "write task.tokens=bytes, of which none is unknown",
        "bytes": "",
    }[config.tokens]
    unknown = sum(np.count_nonzero(ids == UNKNOWN) for ids in documents)
    share = unknown / sum(len(ids) for ids in documents)
    if share > MANY_UNKNOWN and advice:
        note(f"{share:.0%} of the {config.tokens} in validation documents are unknown: {advice}")


def _smallest_type(values: int) -> type[np.unsignedinteger | np.signedinteger]:
    """Returns the smallest integer type for the numbers 0 to `values - 1`."""
    if values <= 2**8:
        return np.uint8
    return np.uint16 if values <= 2**16 else np.int32
