"""Stages: done once, left out while nothing has changed, gone on with after a stop."""

import pytest

from kws.pipeline.stages import Result, Stage, run_stages


class House:
    """Three stages; the second depends on what `paint` is."""

    def __init__(self, state):
        self.state, self.paint, self.done, self.broken = state, "red", [], set()

    def stages(self):
        return [Stage("build", lambda: "always", lambda: self.work("build")),
                Stage("paint", lambda: self.paint, lambda: self.work("paint", holds=self.paint != "pink")),
                Stage("sell", lambda: "always", lambda: self.work("sell"), whole=lambda: "sold" not in self.broken)]

    def work(self, name, *, holds=True):
        if name in self.broken:
            raise RuntimeError(name)
        self.done.append(name)
        return Result(f"{name}ed", holds=holds)

    def run(self, **options):
        self.done.clear()
        return list(run_stages(self.stages(), self.state, **options))


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "state.json")


def test_everything_is_done_once(house):
    assert [str(done).split(",")[0].split() for done in house.run()] == [["build:", "done"], ["paint:", "done"],
                                                                        ["sell:", "done"]]
    again = house.run()
    assert house.done == [] and [done.result.text for done in again] == ["builded", "painted", "selled"]
    house.run(force=True)
    assert house.done == ["build", "paint", "sell"]


def test_only_what_depends_on_a_change_is_done_again(house):
    house.run()
    house.paint = "blue"
    house.run()
    assert house.done == ["paint"]


def test_what_is_gone_is_made_again(house):
    house.run()
    house.broken.add("sold")
    house.run()
    assert house.done == ["sell"]


def test_after_a_failure_it_goes_on_where_it_was(house):
    house.broken.add("paint")
    with pytest.raises(RuntimeError):
        house.run()
    house.broken.clear()
    house.run()
    assert house.done == ["paint", "sell"]


def test_a_requirement_that_is_not_met_is_remembered(house):
    house.paint = "pink"
    assert [done.result.holds for done in house.run()] == [True, False, True]
    assert [done.result.holds for done in house.run()] == [True, False, True] and house.done == []


def test_a_damaged_state_means_that_nothing_is_known(house):
    house.run()
    house.state.write_text('{"build": 3}')
    house.run()
    assert house.done == ["build", "paint", "sell"]
