"""What textbooks claim of recurrent cells, each sentence tested on finished runs.

A claim is tested wherever the runs at hand allow it, test by test: for it, against it, or open.
Its verdict follows from these findings alone, by the rule that its own words ask for:

- all: supported if every test is for it, refuted if one is against it;
- most: supported if more than half of the tests are for it, refuted if at least half are against;
- most tasks: the same of tasks, each of which counts once, by most of its tests; undecided unless
  two tasks at least are decided;
- some: supported if one test is for it, refuted if every test is against it;

and undecided here otherwise. A sentence that says two things has two parts: supported if both are,
refuted if either is, and a part without a test leaves the whole undecided.

A comparison of scores is open where neither cell learned the task: two cells that score as if they
had not seen the sequence are not as good as each other, and neither wins.

Intervals are of 95 %. No finding for or against rests on fewer than 6 seeds. Exempt are quantities
without chance (counts of parameters, bytes) and times taken in turns with the LSTM's, where the
turns are the sample.
"""
