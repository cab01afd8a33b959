import numpy as np

from auricle.export.draft import Draft


def test_a_constant_is_held_once():
    draft = Draft()
    names = [draft.constant(np.float32(2)), draft.constant(np.float32(2)), draft.constant(np.array([2], np.float32))]
    assert names[0] == names[1] != names[2]
    assert len(draft.constants) == 2


def test_constants_keep_their_shape_and_type():
    draft = Draft()
    draft.constant(np.arange(6).reshape(2, 3).T)
    draft.constant(np.float64(1.5))
    assert [(list(c.dims), c.data_type) for c in draft.constants.values()] == [([3, 2], 7), ([], 11)]


def test_a_body_shares_constants_and_never_a_name():
    draft = Draft()
    body = draft.body()
    first, second = draft.node("Neg", np.float32(1)), body.node("Neg", np.float32(1))
    assert first != second
    assert len(draft.constants) == 1
    assert (len(draft.nodes), len(body.nodes)) == (1, 1)


def test_arithmetic_runs(run):
    def write(draft, samples):
        middle = draft.slice(samples, np.array([1]), draft.node("Sub", draft.length(samples, 0), np.array([1])))
        return draft.cast(draft.node("Mul", middle, np.float32(10)), np.int64)

    np.testing.assert_array_equal(run(write, np.array([1, 2, 3, 4], np.float32)), [20, 30])
