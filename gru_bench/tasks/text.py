"""Text classification: the tokens of a document in, its class out."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE, WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import ByteLevel, PreTokenizer, Whitespace
from tokenizers.pre_tokenizers import Split as SplitTokens
from tokenizers.trainers import WordLevelTrainer

from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.preprocessing import Preprocessing, TextPreprocessing
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.text import TextConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.classification import Classification, scored_against_commonest, weights_of
from gru_bench.tasks.corpora import Corpus, Documents, load_corpus
from gru_bench.tasks.corpus_sources import Note
from gru_bench.tasks.fixed_data import smallest_type, split_sizes
from gru_bench.tasks.splits import stratified
from gru_bench.tasks.word_vectors import read_word_vectors

# Their places in this list are their ids.
SPECIAL_TOKENS = ["[PAD]", "[UNK]"]
PADDING, UNKNOWN = range(2)

ENCODED_AT_ONCE = 256  # texts
# Characters: a tokenizer takes about a hundred bytes for each.
PIECE_LENGTH = 10_000
# What helps where many tokens are unknown, by what tokens are.
UNKNOWN_ADVICE = {
    "words": "for text without spaces between words write task.tokens=characters; otherwise try"
    " task.min_frequency=1 or more documents",
    "characters": "write task.tokens=bytes, of which none is unknown",
    "bytes": "",
}
# Words of a language that the training documents cover are known to a larger share.
MANY_UNKNOWN = 0.25


def load_data(
    config: TextConfig, corpus: CorpusConfig, note: Note, contents: Mapping[str, str]
) -> Corpus:
    """Loads the documents; see `load_corpus`."""
    return load_corpus(corpus, note, contents)


def make_task(
    config: TextConfig, corpus: Corpus, batch_size: int, note: Note = lambda line: None
) -> Classification:
    """Turns a corpus into token ids on the device.

    Args:
        config: Kind of tokens, their number, how many of a document are read, the readout, how many
            training documents are kept.
        corpus: Labelled text. The vocabulary is learnt from the training documents kept.
        batch_size: Documents a batch.
        note: Takes a line if many tokens are unknown, and one on word vectors.

    Returns:
        The task; its `input_size` is the size of the vocabulary found, which may be smaller than
        `config.vocabulary_size`.

    Raises:
        UserError: An epoch does not hold a single batch, the vocabulary would be empty, or word
            vectors cannot be used.
    """
    train = keep_documents(corpus.train, config.train_documents, config.subset)
    validation = corpus.validation
    if config.validation_share is not None:
        train, validation = split_off(train, config.validation_share)
    splits = (train, validation, corpus.test)
    sizes = split_sizes([len(split.texts) for split in splits], batch_size, "documents")
    tokenizer = make_tokenizer(config, train.texts)
    text = TextPreprocessing(
        tokenizer=tokenizer.to_str(), tokens=config.tokens, max_length=config.max_length
    )
    encoded = encode(text, tokenizer, [each for split in splits for each in split.texts])
    vectors = None
    if config.embeddings is not None:
        words = {word: i for word, i in tokenizer.get_vocab().items() if i > UNKNOWN}
        path, width = Path(config.embeddings), config.embedding_size
        vectors = jnp.asarray(read_word_vectors(path, words, width, note))
    _note_unknown(config, encoded[sizes[0] : sizes[0] + sizes[1]], note)
    lengths = np.array([len(ids) for ids in encoded], np.int32)
    vocabulary_size = tokenizer.get_vocab_size()
    documents = np.full((len(encoded), lengths.max()), PADDING, smallest_type(vocabulary_size))
    for row, ids in zip(documents, encoded, strict=True):
        row[: len(ids)] = ids

    return Classification(
        inputs=jnp.asarray(documents),
        lengths=jnp.asarray(lengths),
        targets=jnp.asarray(np.concatenate([split.labels for split in splits])),
        sizes=sizes,
        input_size=vocabulary_size,
        output_size=len(corpus.class_names),
        readout=cast(Readout, config.readout),
        batch_size=batch_size,
        score=scored_against_commonest(config.score, train.labels, corpus.test.labels),
        class_weights=weights_of(config.class_weights, train.labels, len(corpus.class_names)),
        preprocessing=Preprocessing(text=text, class_names=corpus.class_names),
        tokens=True,
        token_vectors=vectors,
    )


def keep_documents(documents: Documents, number: int | None, subset: int = 0) -> Documents:
    """Returns so many of the documents, each class in proportion; all if `number` is None.

    The choice is the same in every run, and a smaller number keeps a part of what a larger one
    does: document k of a class of n, in a fixed random order, ranks by (k + 1/2) / n. Another
    `subset` is another order.

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
    order = np.random.default_rng(subset).permutation(total)
    rank = np.empty(total)
    for label in np.unique(documents.labels):
        members = order[documents.labels[order] == label]
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
    return _taken(documents, np.sort(np.argsort(rank, kind="stable")[:number]))


def split_off(documents: Documents, share: float) -> tuple[Documents, Documents]:
    """Returns the documents without a share of each class, and that share.

    Raises:
        UserError: There are too few.
    """
    away = stratified(documents.labels, share)
    if not len(away):
        raise UserError(
            f"task.validation_share={share:g} is not possible: {len(documents.texts)} documents are"
            " too few to split off a validation set"
        )
    rest = np.setdiff1d(np.arange(len(documents.texts)), away)
    return _taken(documents, rest), _taken(documents, away)


def _taken(documents: Documents, places: Int[np.ndarray, " places"]) -> Documents:
    return Documents([documents.texts[i] for i in places], documents.labels[places])


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
            f" training split is so frequent: {UNKNOWN_ADVICE[config.tokens]}"
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
    dtype = smallest_type(tokenizer.get_vocab_size())
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
    advice = UNKNOWN_ADVICE[config.tokens]
    unknown = sum(np.count_nonzero(ids == UNKNOWN) for ids in documents)
    share = unknown / sum(len(ids) for ids in documents)
    if share > MANY_UNKNOWN and advice:
        note(f"{share:.0%} of the {config.tokens} in validation documents are unknown: {advice}")
