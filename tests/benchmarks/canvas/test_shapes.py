"""Which workflows are measured."""

from benchmarks.canvas.shapes import CHORDS, FEW, GROWTH, LENGTHS, MAIN, SHAPES


def test_no_two_shapes_have_one_name():
    assert len(SHAPES) == len(MAIN) + len(GROWTH)


def test_a_growth_is_of_one_kind_and_goes_upwards():
    for family, sizes in (("length", LENGTHS), ("chords", CHORDS)):
        shapes = [shape for shape in GROWTH.values() if shape.family == family]
        assert [shape.size for shape in shapes] == [*sizes] == sorted(sizes)
        assert len({shape.kind for shape in shapes}) == 1


def test_there_are_as_many_chains_at_once_of_each_length():
    chains = [shape for shape in GROWTH.values() if shape.family == "length"]
    assert len({shape.count for shape in chains}) == 1


def test_where_commands_are_counted_there_is_less_of_it_and_never_nothing():
    for shape in SHAPES.values():
        fewer = shape.fewer()
        assert 1 <= fewer.count <= shape.count
        assert max(fewer.sizes) <= FEW
        assert fewer.kind == shape.kind
