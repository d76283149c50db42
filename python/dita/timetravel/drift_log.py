"""K, E and their difference over the time of one's own log, as the kernel of then saw them."""

from collections.abc import Callable
from pathlib import Path

from dita._kernel import Replay
from dita.errors import InvalidInput, shown
from dita.timetravel.drift_chart import Drift, Sample, sample_of
from dita.timetravel.moment import moment


def drift_of_log(
    log_dir: Path,
    asset: str | None = None,
    until: str | None = None,
    tell: Callable[[int, int], object] | None = None,
) -> Drift:
    """Replay a log, and return what its account said after each input.

    Args:
        log_dir: The log's directory. It is only read, and a kernel may be writing to it.
        asset: Which asset's account; None means the only one.
        until: The last input's number, or a time; None means the log's end.
        tell: Called now and then with the numbers of replayed inputs and of changes.

    Raises:
        LogError: The log cannot be read.
        InvalidInput: `until` is no moment, there is no such account, or there are several and none was named.
    """
    at = moment(until)
    past = Replay(log_dir, until_seq=at.seq, until_ns=at.time_ns, from_start=True)
    samples: list[Sample] = []
    for _ in past:
        chosen = asset or next(iter(past.assets()), None)
        account = None if chosen is None else past.account(chosen)
        if account is not None and past.now_ns is not None:
            sample = sample_of(account, past.now_ns)
            if not samples or not sample.says_what(samples[-1]):
                samples.append(sample)
        if tell is not None:
            tell(past.replayed, len(samples))
    assets = past.assets()
    if asset is None and len(assets) > 1:
        raise InvalidInput(
            f"{log_dir}: has accounts in {', '.join(assets)}: name one, as in --asset {assets[0]}"
        )
    chosen = asset or next(iter(assets), None)
    account = None if chosen is None else past.account(chosen)
    if chosen is None or account is None or past.now_ns is None:
        known = f"it has {', '.join(assets)}" if assets else "it has none yet"
        which = "no account" if asset is None else f"no account in {shown(asset)}"
        raise InvalidInput(f"{log_dir}: {which}: {known}")
    # The last moment stands in the picture even where it says the same as the one before.
    samples.append(sample_of(account, past.now_ns))
    from_snapshot = "" if past.began is None else f", from the snapshot after input {past.began:,}"
    return Drift(f"{log_dir.name or log_dir}, {past.seq:,} inputs{from_snapshot}", chosen, samples)
