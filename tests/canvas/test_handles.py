"""The handles on a workflow's results: `parent` leads back, `children` on."""

from asynq import GroupResult, chain, chord, group
from asynq.canvas.handles import handle_of
from asynq.canvas.plan import Plan


async def handle(app, canvas):
    plan = Plan(canvas.tree(), app.producer)
    await plan.prepare()
    await plan.steps(waiting=False)
    return handle_of(plan), plan


async def test_of_a_chain_it_is_the_last_ones(app, add):
    last, plan = await handle(app, chain(add.s(1, 1), add.s(2), add.s(3)))
    assert last.id == plan.id_of(4)
    assert (last.parent.id, last.parent.parent.id) == (plan.id_of(3), plan.id_of(2))
    assert last.parent.parent.children == [last.parent]


async def test_of_a_chord_it_is_the_bodys_and_before_it_the_groups(app, add):
    body, _ = await handle(app, add.s(1, 1) | group(add.s(1), add.s(2)) | add.s(3))
    assert isinstance(body.parent, GroupResult)
    first = body.parent.parent
    assert [member.parent for member in body.parent] == [first, first]
    assert first.children == [body.parent]


async def test_of_members_that_are_chains_it_is_their_last_ones(app, add):
    result, _ = await handle(app, chord([add.s(1, 1) | add.s(1), add.s(1, 1)], group(add.s(1))))
    assert isinstance(result, GroupResult)
    chained, plain = result.parent
    assert chained.parent.parent is None
    assert plain.parent is None


async def test_links_are_children(app, add):
    result, _ = await handle(app, add.s(1, 1).set(link=[add.s(1), add.s(2) | add.s(3)]))
    one, two = result.children
    assert one.parent is result
    assert two.parent.parent is result
