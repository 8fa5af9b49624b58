"""What `--help` lists."""

from tests.app.train import Train


def test_the_groups_are_listed_without_the_schemas_that_nobody_chooses(train: Train) -> None:
    result = train("--help")
    groups, _, config = result.stdout.partition("== Config ==")
    assert "optimizer: adam, adamw, none, sgd\n" in groups
    assert "schema" not in groups
    assert "learning_rate_monitor" in config
