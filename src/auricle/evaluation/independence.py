"""Which recordings of published folds are independent, where nobody named their groups.

Published folds keep recordings of one source together, and say no more. Counting each recording as independent makes an
interval too narrow. So a column or a part of the file names that never crosses a fold is taken as the source, and
recordings that share sound count as one. It serves intervals only: splits keep to what was published.
"""

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset

__all__ = ["independent_groups"]


def independent_groups(dataset: Dataset, duplicates: Iterable[tuple[int, int]] = ()) -> tuple[NDArray[np.str_], str]:
    """Return the group of each recording for intervals, and where it is from, for a reader.

    Parameters
    ----------
    dataset : Dataset
    duplicates : iterable of (int, int)
        Pairs of recordings that share sound, by index.

    Returns
    -------
    str, shape (n,)
        The dataset's own groups, where they were named or there are no published folds.
    str
        A sentence; empty for the dataset's own groups.
    """
    groups = dataset.groups.astype(np.str_)
    if dataset.group_column is not None or dataset.folds is None:
        return groups, ""
    folds = dataset.folds
    found = min(
        (one for one in _candidates(dataset) if _is_source(one[1], folds)),
        key=lambda one: np.unique(one[1]).size,  # the fewest sources make the widest interval
        default=None,
    )
    if found is not None:
        groups = found[1]
    merged = _merge(groups, duplicates)
    n_merged = np.unique(groups).size - np.unique(merged).size
    if found is not None:
        of = f"{found[0]}, which never crosses a fold,"
        return merged, f"The interval counts {of} as the independent groups: there are {np.unique(merged).size}."
    if n_merged:
        return merged, (
            f"The interval counts recordings that share sound as one, and all others as independent: there are "
            f"{np.unique(merged).size}. If several come from one source, name its column with `--group`."
        )
    return merged, (
        "The interval assumes that recordings within a fold are independent. If several come from one source, name its "
        "column with `--group`."
    )


def _candidates(dataset: Dataset) -> Iterator[tuple[str, NDArray[np.str_]]]:
    """Yield columns, and beginnings of the file names, with the value of each recording."""
    examples = dataset.examples
    for column in dataset.named_columns:
        yield f"the column `{column}`", np.array([example.metadata.get(column, "").strip() for example in examples])
    parts = [re.findall(r"[^\W_]+", example.file.stem) for example in examples]
    for n_parts in range(1, min(map(len, parts))):
        yield "the beginning of the file names", np.array(["-".join(part[:n_parts]) for part in parts])


def _is_source(values: NDArray[np.str_], folds: NDArray[np.str_]) -> bool:
    """Return whether each value lies in one fold, and there are more values than folds and fewer than recordings."""
    if (values == "").any():
        return False
    names, members = np.unique(values, return_inverse=True)
    pairs = np.unique(np.stack([members, np.unique(folds, return_inverse=True)[1]]), axis=1).shape[1]
    return bool(pairs == len(names) and np.unique(folds).size < len(names) < len(values))


def _merge(groups: NDArray[np.str_], duplicates: Iterable[tuple[int, int]]) -> NDArray[np.str_]:
    """Return the groups with those joined that share sound."""
    names, members = np.unique(groups, return_inverse=True)
    joined = np.arange(len(names))
    for first, second in duplicates:
        a, b = sorted((joined[members[first]], joined[members[second]]))
        joined[joined == b] = a
    return np.asarray(names[joined[members]])
