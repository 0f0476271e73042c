"""Every block of every page is run: here as a reader would, or by the test that plans.py names."""

from __future__ import annotations

import pytest
from conftest import slowest
from pages import REPOSITORY, all_pages
from plans import ELSEWHERE, NOT_RUN, PLANS, Plan
from reader import check_plan, follow

PAGES = {name: page.without([line for other, line in NOT_RUN if other == name]) for name, page in all_pages().items()}
# What `follow` runs, and what a plan must have an entry for.
RUN = "sh"
PLANNED = {"yaml": "yaml", "": "shows"}
FOLLOWED = [name for name, page in PAGES.items() if page.of(RUN) and (name, RUN) not in ELSEWHERE]


def test_every_block_is_run_by_somebody() -> None:
    problems = [problem for page in PAGES.values() for problem in page.problems]
    for name, page in PAGES.items():
        planned = {tag for tag, entry in PLANNED.items() if getattr(PLANS.get(name, Plan()), entry)}
        for block in page.blocks:
            elsewhere = (name, block.tag) in ELSEWHERE
            runs = elsewhere + (block.tag == RUN and not elsewhere) + (block.tag in planned)
            if runs != 1:
                problems.append(f"{block}: run by {runs} tests; give commands the tag sh, or see tests/docs/plans.py")

    assert not problems, "\n".join(problems)


def test_nothing_is_planned_for_what_is_not_there() -> None:
    stale = [f"PLANS: {name} has no commands" for name in PLANS if name not in FOLLOWED]
    stale += [f"NOT_RUN: there is no page {name}" for name, _ in NOT_RUN if name not in PAGES]
    for (name, tag), runner in ELSEWHERE.items():
        if name not in PAGES or not PAGES[name].of(tag):
            stale.append(f"ELSEWHERE: {name} has no block with the tag {tag!r}")
        text = (REPOSITORY / runner).read_text() if (REPOSITORY / runner).is_file() else ""
        if name not in text and '" / "'.join(name.split("/")) not in text:
            stale.append(f"ELSEWHERE: {runner} does not name {name}")

    assert not stale, "\n".join(stale)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_of_its_page(name: str) -> None:
    if name in PAGES:
        check_plan(PAGES[name], PLANS[name])


@pytest.mark.parametrize("name", FOLLOWED)
@pytest.mark.usefixtures("own_network", "programs")
def test_a_reader_gets_where_the_page_leads(name: str, request: pytest.FixtureRequest) -> None:
    follow(PAGES[name], PLANS.get(name, Plan()), request.config.stash[slowest].append)
