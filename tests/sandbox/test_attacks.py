"""Code that means harm is contained. Every attack runs as an ordinary user, never as root."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from pathlib import Path

import psutil
import pytest

from qwen_lsp.sandbox.containment.detect import find_containment
from tests.sandbox.ordinary_user import OrdinaryUser

pytestmark = pytest.mark.process


def attack(user: OrdinaryUser, code: str, **options: object) -> dict[str, object]:
    return user.run("program", {"main.py": code}, **options)


def test_containment_is_there() -> None:
    assert find_containment().kind in {"bubblewrap", "seatbelt"}


def test_an_honest_program_passes(user: OrdinaryUser) -> None:
    said = attack(user, "open('note', 'w').write('x')\nprint(open('note').read() * 3)")
    assert (said["outcome"], said["output"]) == ("passed", "xxx\n"), said


def test_an_endless_loop_is_stopped(user: OrdinaryUser) -> None:
    said = attack(user, "while True: pass", timeout_s=1.0)
    assert said["outcome"] == "timeout"
    assert "1 seconds" in str(said["detail"])


def test_a_sleeper_that_ignores_signals_is_stopped(user: OrdinaryUser) -> None:
    code = "import signal, time\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(1000)"
    assert attack(user, code, timeout_s=1.0)["outcome"] == "timeout"


def test_a_fork_bomb_burns_out_and_leaves_nothing(user: OrdinaryUser) -> None:
    marker = f"bomb-{os.getpid()}"
    code = (
        f"import os, time\nMARK = '{marker}'\nmade = 0\n"
        "while True:\n    try:\n        if os.fork() == 0: continue\n        made += 1\n"
        "    except OSError: time.sleep(0.05)\n"
    )
    said = attack(user, code, timeout_s=2.0)
    assert said["outcome"] in {"timeout", "processes"}
    psutil.wait_procs(_still_running(), timeout=20)  # each was killed, and still needs its turn to die
    assert _still_running() == []


def _still_running() -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if "main.py" in (p.info["cmdline"] or [])]


def test_eight_gigabytes_are_not_given(user: OrdinaryUser) -> None:
    said = attack(user, "x = bytearray(8 * 2**30)\nprint(len(x))")
    assert said["outcome"] in {"failed", "memory"}
    assert "8589934592" not in str(said["output"])


def test_many_processes_share_one_memory_limit(user: OrdinaryUser) -> None:
    code = (
        "import os, time\nfor n in range(8):\n    if os.fork() == 0: break\n"
        "x = bytearray(os.urandom(1)) * (150 * 2**20)\ntime.sleep(30)\n"
    )
    assert attack(user, code)["outcome"] == "memory"


def test_a_flood_of_output_is_cut_off(user: OrdinaryUser) -> None:
    said = attack(user, "while True: print('x' * 1000)", output_bytes=50_000)
    assert said["outcome"] == "output"
    assert len(str(said["output"])) == 50_000


def test_a_flooded_disk_is_limited(user: OrdinaryUser) -> None:
    code = (
        "import errno\ntotal = 0\ntry:\n    for n in range(100):\n        with open(f'f{n}', 'wb') as f:\n"
        "            total += f.write(bytes(32 * 2**20))\nexcept OSError as e:\n    print('full', e.errno == errno.ENOSPC)\n"
        "assert total < 2**30\n"
    )
    said = attack(user, code)
    assert (said["outcome"], said["output"]) == ("passed", "full True\n"), said


def test_a_secret_in_the_home_folder_is_out_of_sight(user: OrdinaryUser) -> None:
    secret = user.home / ".ssh" / "id_rsa"
    assert secret.read_text() == "the planted secret"
    code = (
        f"import os\nplaces = [{str(secret)!r}, '/proc/1/root{secret}', '/proc/self/root{secret}']\n"
        "for place in places:\n    try: print(open(place).read())\n    except OSError as e: print(type(e).__name__)\n"
        "for folder, _, files in os.walk('/'):\n"
        "    if folder.startswith(('/proc', '/sys', '/usr')): continue\n"
        "    for name in files:\n        if name == 'id_rsa': print('found', folder)\n"
    )
    said = attack(user, code, timeout_s=60.0)  # it looks at every file there is
    assert said["outcome"] == "passed", said
    assert "planted" not in str(said["output"])
    assert "found" not in str(said["output"])
    assert str(said["output"]).count("Error") == 3, said["output"]


def test_the_environment_holds_no_secrets(user: OrdinaryUser) -> None:
    said = attack(user, "import os\nprint(sorted(os.environ))")
    assert "PYTHONHASHSEED" in str(said["output"])
    assert "PATH" in str(said["output"])
    assert not {"USER", "SSH_AUTH_SOCK", "QWEN_LSP_HOME"} & set(str(said["output"]).split("'"))


def test_nothing_outside_can_be_written(user: OrdinaryUser, tmp_path: Path) -> None:
    outside = [
        "/", "/usr", "/usr/lib", "/etc", "/dev", "/root", "/var", "/home", str(user.home), str(tmp_path), "/qwen-lsp",
        "/qwen-lsp/given", "/qwen-lsp/inside", "/proc/sys/kernel", "/sys",
    ]  # fmt: skip
    code = (
        f"import os\nwritten = []\nfor folder in {outside!r}:\n    try:\n        os.makedirs(folder, exist_ok=True)\n"
        "        open(os.path.join(folder, 'planted'), 'w').write('x'); written.append(folder)\n    except OSError: pass\n"
        "print(written)\n"
    )
    said = attack(user, code)
    assert said["output"] == "[]\n", said["output"]
    assert not [folder for folder in outside if Path(folder, "planted").exists()]


def test_symlinks_do_not_lead_out(user: OrdinaryUser) -> None:
    target = user.home / "target"
    target.write_text("untouched")
    target.chmod(0o666)
    code = (
        f"import os\nos.symlink({str(target)!r}, 'link')\nos.symlink('/', 'root')\ntried = []\n"
        f"for place in ('link', 'root{target}'):\n    try: open(place, 'r+').write('changed'); tried.append(place)\n"
        "    except OSError as e: print(type(e).__name__)\nprint(tried)\n"
    )
    said = attack(user, code)
    assert str(said["output"]).endswith("[]\n"), said["output"]
    assert target.read_text() == "untouched"


def test_no_connection_leaves_the_sandbox(user: OrdinaryUser) -> None:
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=lambda: came.append(server.accept()), daemon=True).start()
        code = (
            f"import socket\nfor address in ('127.0.0.1', 'localhost', '192.0.2.1'):\n"
            f"    try: socket.create_connection((address, {port}), timeout=2); print('connected')\n"
            "    except OSError as e: print('refused')\n"
        )
        said = attack(user, code)
        assert str(said["output"]) == "refused\n" * 3
        assert came == []
        socket.create_connection(("127.0.0.1", port)).close()  # the server was really listening


def test_killing_the_parents_ends_only_the_run(user: OrdinaryUser) -> None:
    code = (
        "import os, signal\nfor pid in (os.getppid(), 1, -1):\n    try: os.kill(pid, signal.SIGKILL)\n"
        "    except OSError as e: print(pid, type(e).__name__)\nprint('alive')\n"
    )
    said = attack(user, code)
    assert said["outcome"] in {"broken", "failed"}


def test_other_processes_are_not_to_be_seen(user: OrdinaryUser) -> None:
    said = attack(user, "import os\nprint(len([p for p in os.listdir('/proc') if p.isdigit()]))")
    assert int(str(said["output"])) <= 4


def test_no_rights_can_be_gained(user: OrdinaryUser) -> None:
    code = (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nprint(libc.unshare(0x10000000))\n"
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'NoNewPrivs'))])\n"
    )
    said = attack(user, code)
    assert str(said["output"]).splitlines()[-1] == "['0000000000000000', '1']"
    assert str(said["output"]).splitlines()[0] == "-1"


FORGERIES = {
    "prints success and leaves at import": "import os\nprint('2 passed in 0.01s\\nOK', flush=True)\nos._exit(0)\n",
    "leaves quietly inside the test": "import os\ndef add(a, b):\n    os._exit(0)\n",
    "calls sys.exit(0) at import": "import sys\nsys.exit(0)\n",
    "writes result files everywhere": (
        "import os, json\nbody = json.dumps({'exit': 0, 'tests': [['t', True, '']], 'nonce': 'x', 'built': True})\n"
        "for name in ('result', 'result.json', '.results.xml', '../result.json', '/tmp/result.json'):\n"
        "    try: open(name, 'w').write(body)\n    except OSError: pass\nos._exit(0)\n"
    ),
    "writes a result to every descriptor": (
        "import os, json\nbody = json.dumps({'exit': 0, 'tests': [['t', True, '']], 'nonce': '', 'built': True}) + '\\n'\n"
        "for fd in range(256):\n    try: os.write(fd, ('0' * 32 + ' ' + body).encode())\n    except OSError: pass\nos._exit(0)\n"
    ),
    "looks for the nonce in its parent": (
        "import os\nfound = []\nfor pid in (os.getppid(), 1):\n    for name in ('environ', 'mem', 'maps', 'fd'):\n"
        "        path = f'/proc/{pid}/{name}'\n        try:\n"
        "            found.append(os.listdir(path) if name == 'fd' else open(path, 'rb').read(10))\n"
        "        except OSError: pass\nif pid == os.getppid() and found: print('READ', found)\nos._exit(0)\n"
    ),
    "ends at exit with 0": "import atexit, os\natexit.register(os._exit, 0)\ndef add(a, b):\n    return 0\n",
    "closes every descriptor": "import os\nos.closerange(3, 256)\ndef add(a, b):\n    return 0\n",
}


@pytest.mark.parametrize("kind", ["pytest", "unittest"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_verdict_is_a_failure(user: OrdinaryUser, forgery: str, kind: str) -> None:
    said = user.run(kind, {"sums.py": FORGERIES[forgery], "test_sums.py": TESTS[kind]})
    assert said["outcome"] in {"failed", "broken"}, said
    assert "READ" not in str(said["output"])


TESTS = {
    "pytest": "from sums import add\n\ndef test_add():\n    assert add(1, 1) == 2\n",
    "unittest": (
        "import unittest\nfrom sums import add\n\nclass Sums(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(add(1, 1), 2)\n"
    ),
}


@pytest.mark.parametrize("kind", ["pytest", "unittest"])
def test_an_honest_verdict_names_every_test(user: OrdinaryUser, kind: str) -> None:
    right = user.run(kind, {"sums.py": "def add(a, b):\n    return a + b\n", "test_sums.py": TESTS[kind]})
    assert right["outcome"] == "passed", right
    assert [test["passed"] for test in right["tests"]] == [True]
    wrong = user.run(kind, {"sums.py": "def add(a, b):\n    return a - b\n", "test_sums.py": TESTS[kind]})
    assert wrong["outcome"] == "failed"
    assert [test["passed"] for test in wrong["tests"]] == [False]
    assert "0" in wrong["tests"][0]["detail"]


def test_no_tests_are_no_success(user: OrdinaryUser) -> None:
    assert user.run("pytest", {"sums.py": "", "test_sums.py": "x = 1\n"})["outcome"] == "failed"


def test_without_bubblewrap_nothing_is_run(user: OrdinaryUser, monkeypatch: pytest.MonkeyPatch) -> None:
    bwrap = shutil.which("bwrap")
    assert bwrap
    monkeypatch.setenv("PATH", "/nowhere")
    said = attack(user, "print('ran')")
    assert said["outcome"] == "unavailable"
    assert "bubblewrap is not installed" in str(said["detail"])
