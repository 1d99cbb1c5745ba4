"""What textbooks claim of recurrent cells, each sentence tested on finished runs.

`conf/claims.yaml` has the rules: what is measured, when that is for a claim or against it, which
tasks vote and what has to be run. The modules here measure, each for claims of one kind.

The unit of voting is the task. A test is for a claim, against it, or open; a task is for it if most
of its tests are for it and none is against, against it likewise, else open. Of a claim that has to
hold on all tasks, every test of a task must be for it. A claim holds on all, most or some of its
tasks, as its rule says, and is undecided otherwise, as it is while runs are missing that the rules
ask for. A sentence that says two things has two parts: supported if both are, refuted if either is,
and a part that is not measured leaves the whole undecided. Tests of cells that stand beside the
textbook's have no vote.

A comparison of scores is open where neither cell learned the task: two cells that score as if they
had not seen the sequence are not as good as each other, and neither wins.

Intervals are of 95 %. No finding for or against rests on fewer than 6 seeds. Exempt are quantities
without chance (counts of parameters, bytes) and times taken in turns with the LSTM's, where the
turns are the sample.
"""
