"""The rules by which evidence is judged, in one place and fixed before any run is judged by them.

`docs/statistics.md` says what they promise, and `results/statistics/error_rates.md` holds the error
rates that `make check-statistics` measured with them.
"""

from fractions import Fraction

# The error rate of a family of verdicts of one kind, however often seeds are added.
SIGNIFICANCE = 0.05
# A verdict needs this many pairs of seeds; the sequential test looks at no fewer.
MIN_PAIRS = 6
# The sequential test looks at no pairs beyond this number. A larger one costs power at few pairs.
MOST_PAIRS = 256
# The limit on p falls with the number of pairs to this power. Six equal signs of six pairs then
# decide between two cells, nine of nine among four, and power at 24 pairs hardly suffers.
SPENDING = 1.35
# The mean has to agree with a verdict: its Student t test is held to a tenth of the level, for it
# is repeated with every look and leans on the shape of the distribution.
MEAN_STRICTNESS = 10
# A gain above so many times the median gain counts as so many in that test. Otherwise a few very
# large gains would widen the spread and so withhold a verdict that they speak for.
LARGEST_GAIN = 2.0
# Where predictions are at hand, the p over seeds and examples has to agree with a verdict. It is
# held to a third of the level, for it is repeated with every look.
EXAMPLES_STRICTNESS = 3
# A verdict survives other starts, budgets, readouts and sizes if it holds at this share of the
# points at which two cells were compared, and its contrary at none.
LASTING = 0.75
# The share of a budget that is read off the learning curves as a further point.
SHORTER_BUDGET = Fraction(1, 2)
# How likely a verdict should be before a number of seeds is called enough (Cohen 1988).
POWER = 0.8
