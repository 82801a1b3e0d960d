"""Uses that a type checker must reject, each on a line marked as an error."""

import rewardkit as rk
from rewardkit.extract import Hash, Tag
from rewardkit.rewards import Clip, Correct, Length, XmlStrict
from rewardkit.verify import Number

Length(targte=400)  # error
Length(target="long")  # error
Length()  # error
Length(400)  # error
Length(target=400, unit="words of text")  # error
XmlStrict(tags="answer")  # error
XmlStrict(value=None)  # error
Correct(verifier=Hash())  # error
Correct(verifier=Length(target=1))  # error
Correct(verifier=Number)  # error
Correct(verifier=Number(rel_tol="1%"))  # error
Correct(verifier=Number(), extractor=Number())  # error
Correct(verifier=Number(), reference=3)  # error
Clip(reward=Number(), low=0.0)  # error
Tag(which="middle")  # error
Length(target=1) + Number()  # error
Length(target=1) + "1"  # error
Length(target=1).score(["text"])  # error
Length(target=1)(completions=3)  # error
rk.Batch.of("a").textes  # error  # noqa: B018
rk.Score("high")  # error
rk.wrap(3)  # error
rk.wrap(len, bounds=1.0)  # error
