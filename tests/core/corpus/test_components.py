"""Sets that join, up to a weight."""

from core.corpus.components import Components


def sets(components: Components, count: int) -> set[frozenset[int]]:
    roots = [components.root(unit) for unit in range(count)]
    return {frozenset(u for u in range(count) if roots[u] == root) for root in roots}


def test_joining_goes_on_through_a_shared_member() -> None:
    components = Components([1] * 5)
    components.join([0, 1], most=9)
    components.join([3, 2], most=9)
    components.join([1, 2], most=9)
    assert sets(components, 5) == {frozenset({0, 1, 2, 3}), frozenset({4})}
    assert components.weight[components.root(3)] == 4


def test_the_lightest_join_first_and_nothing_grows_beyond_the_most() -> None:
    components = Components([4, 1, 5, 2])
    components.join([0, 1, 2, 3], most=7)
    assert sets(components, 4) == {frozenset({0, 1, 3}), frozenset({2})}
    components.join([1, 2], most=7)
    assert sets(components, 4) == {frozenset({0, 1, 3}), frozenset({2})}
