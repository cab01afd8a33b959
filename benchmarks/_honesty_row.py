"""A row of the honesty benchmark: what was counted, its limit, and how often there was no answer."""

from dataclasses import dataclass

__all__ = ["Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """A measured figure and its limit.

    Parameters
    ----------
    name : str
        What was measured, where: "better than guessing, 3 groups".
    value : float
        The figure, over the draws that had an answer where that is what the target asks for.
    limit : float
    n : int
        Draws.
    is_floor : bool
        Whether the figure must be at least the limit, rather than at most.
    cannot_say : int
        Draws without an answer. They are never counted as right.
    may_refuse : bool
        Whether draws without an answer are allowed; otherwise one of them misses the target.
    """

    name: str
    value: float
    limit: float
    n: int
    is_floor: bool = False
    cannot_say: int = 0
    may_refuse: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps its limit, and there was an answer wherever there had to be; false for NaN."""
        is_kept = self.value >= self.limit if self.is_floor else self.value <= self.limit
        return is_kept and (self.may_refuse or not self.cannot_say)
