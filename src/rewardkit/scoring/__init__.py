"""Offline scoring: a file of completions in, the same rows with every reward's value and why out.

Rows stream, so memory does not grow with the file.

The source is JSONL, CSV (each also with `.gz`), parquet, a glob of them, a folder of TRL's
`completions_*.parquet`, or one that `datasets` saved; "-" is JSON lines on standard input, and
OWNER/NAME:SPLIT or OWNER/NAME:CONFIG/SPLIT a dataset on the hub. It may also be rows: an iterable
of dicts, a Dataset, a DataFrame, a pyarrow Table.

In joined data a prompt also matches the dataset's messages, or a text, that a chat template made it
of. A row without a match gets None in these columns; if data rows of one prompt differ in a column,
it is None too.

The output is JSONL or parquet, by its ending, "-" for JSON lines on standard output, or None to get
the rows back as `scored`. It has the rows in order, every column as it was, then `rewards/NAME`
(None if the reward abstains), `rewards/NAME/why`, and `reward`, the weighted sum of those that do
not abstain. If one of the rewards is a `correct`, rows of a group (adjacent, of one prompt and
step) also have `pass_rate`, the share of its completions that pass. Columns with these names are
replaced. A row whose completion is neither a text nor messages has no values, and its whys say so.
So has a line of JSONL that is not a JSON object, or a row of CSV that has not one value for each
column; its text becomes the column `invalid_line`. A file that begins with a hundred of them, or
has no other rows, is refused.

`OUT.rewards.yaml` says what scored the rows. OUT appears only when complete. If the process is
killed, what was scored is kept, file by file: the next run skips finished files, and resumes in the
middle of one. Rows of files that are new are added after those of an earlier run, finished or not,
and no group goes on from one into the other.
"""

from rewardkit._scored.passes import PassRates, pass_at_k
from rewardkit.scorer import TOTAL
from rewardkit.scoring.filtering import Filtered, filter_groups
from rewardkit.scoring.run import Progress, ScoringResult, Summary, score

__all__ = [
    "TOTAL",
    "Filtered",
    "PassRates",
    "Progress",
    "ScoringResult",
    "Summary",
    "filter_groups",
    "pass_at_k",
    "score",
]
