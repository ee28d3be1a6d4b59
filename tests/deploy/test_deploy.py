"""What `deploy/` says, under the tools of those who read it: hadolint, the schema of compose files,
systemd. And that it speaks of this program: its files, its settings, its commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/Dockerfile"
COMPOSE = ROOT / "deploy/compose.yaml"
UNIT = ROOT / "deploy/souk.service"
TOOLS = Path(sys.executable).parent


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def settings():
    """The names of all settings that the program knows."""
    listed = run(os.environ["SOUK_BIN"], "config")
    assert listed.returncode == 0, listed.stderr
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", listed.stdout, re.MULTILINE))


def instructions(name):
    """The arguments of a Dockerfile's instructions of one name."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    return [line.split()[1:] for line in text.splitlines() if line.startswith(f"{name} ")]


def hadolint(path):
    return run(TOOLS / "hadolint", "--no-color", path)


def test_hadolint_finds_nothing():
    found = hadolint(DOCKERFILE)
    assert (found.returncode, found.stdout) == (0, "")


def test_hadolint_sees_what_is_wrong(tmp_path):
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(DOCKERFILE.read_text() + "RUN cd /tmp && apt-get install curl\n")
    assert hadolint(wrong).returncode != 0


def test_the_image_is_made_of_files_that_are_there():
    ignored = (ROOT / ".dockerignore").read_text().split()
    for *sources, _target in instructions("COPY"):
        if sources[0].startswith("--from="):
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source not in ignored, source


def test_the_image_starts_this_program():
    assert instructions("CMD") == [['["souk",', '"serve"]']]
    names = {pair.split("=")[0] for line in instructions("ENV") for pair in line}
    assert names and names <= settings()


def compose_errors(path):
    checker = TOOLS / "check-jsonschema"
    return run(checker, "--builtin-schema", "vendor.compose-spec", path)


def test_the_compose_file_follows_the_schema():
    found = compose_errors(COMPOSE)
    assert found.returncode == 0, found.stdout


def test_the_schema_sees_what_is_wrong(tmp_path):
    wrong = yaml.safe_load(COMPOSE.read_text())
    wrong["services"]["souk"]["restarts"] = "always"
    path = tmp_path / "compose.yaml"
    path.write_text(yaml.safe_dump(wrong))
    assert compose_errors(path).returncode != 0


def test_the_compose_file_speaks_of_this_program():
    compose = yaml.safe_load(COMPOSE.read_text())
    souk = compose["services"]["souk"]
    assert set(souk["environment"]) <= settings()
    assert set(souk["depends_on"]) <= set(compose["services"])
    build = souk["build"]
    assert (COMPOSE.parent / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == DOCKERFILE
    for service in compose["services"].values():
        for volume in service["volumes"]:
            assert volume.split(":")[0] in compose["volumes"], volume


def interpolated(text):
    """Fills in `${NAME:-default}` and `${NAME:?message}` as compose does."""
    given = {"JWT_SECRET": "a secret of thirty-two characters", "POSTGRES_PASSWORD": "p4ssw0rd"}

    def value(match):
        name, operator, rest = match.group(1), match.group(2), match.group(3)
        if operator == ":?":
            return given[name]
        return given.get(name, rest)

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)


def test_the_program_takes_the_composed_settings(tmp_path):
    souk = yaml.safe_load(COMPOSE.read_text())["services"]["souk"]
    environment = {name: interpolated(value) for name, value in souk["environment"].items()}
    assert environment["DATABASE_URL"] == "postgres://souk:p4ssw0rd@postgres/souk"
    environment["DATABASE_URL"] = f"sqlite:{tmp_path}/souk.db"

    def migrate(more):
        return run(os.environ["SOUK_BIN"], "migrate", env=environment | more, cwd=tmp_path)

    taken = migrate({})
    assert taken.returncode == 0, taken.stderr
    refused = migrate({"PAYMENT_SANDBOX": "perhaps"})
    assert refused.returncode != 0 and "PAYMENT_SANDBOX" in refused.stderr


def verified(unit, tmp_path):
    """`systemd-analyze verify` of a unit whose program is in its place."""
    text = unit.replace("/usr/local/bin/souk", os.environ["SOUK_BIN"])
    path = tmp_path / "souk.service"
    path.write_text(text)
    return run("systemd-analyze", "verify", "--man=no", path)


def has_systemd():
    found = shutil.which("systemd-analyze") is not None
    assert found or "CI" not in os.environ, "systemd-analyze is not there"
    return found


def test_systemd_takes_the_unit(tmp_path):
    if not has_systemd():
        print("SKIPPED: there is no systemd here", file=sys.stderr)
        return
    unit = UNIT.read_text()
    taken = verified(unit, tmp_path)
    assert (taken.returncode, taken.stderr) == (0, "")
    wrong = verified(unit.replace("ProtectHome=yes", "ProtectHomes=yes"), tmp_path)
    assert "ProtectHomes" in wrong.stderr
    # What its security settings leave open, from 0 to 10.
    limit = run("systemd-analyze", "security", "--offline=true", "--threshold=30", UNIT)
    assert limit.returncode == 0, limit.stdout


def test_the_unit_speaks_of_this_program():
    unit = UNIT.read_text()
    names = set(re.findall(r"^Environment=(\w+)=", unit, re.MULTILINE))
    assert names and names <= settings()
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command == "/usr/local/bin/souk serve"
    for file in ["deploy/souk.service", ".env.example"]:
        assert file in unit and (ROOT / file).exists()


@pytest.mark.parametrize("name", ["TimeoutStopSec", "stop_grace_period"])
def test_a_stop_is_waited_for(name):
    """Both managers wait longer than the program needs at most."""
    text = UNIT.read_text() if name == "TimeoutStopSec" else COMPOSE.read_text()
    (seconds,) = re.findall(rf"{name}[=:] ?(\d+)s?$", text, re.MULTILINE)
    listed = run(os.environ["SOUK_BIN"], "config").stdout
    (grace,) = re.findall(r"^#?SHUTDOWN_GRACE=(\d+)s$", listed, re.MULTILINE)
    assert int(seconds) > int(grace)
