"""`truststore run`: the program is as without, but for whom it trusts; and so are the Pythons that it starts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import venv
import zipapp
from pathlib import Path
from typing import Any

import pytest
from commands import SOURCES, environment
from servers import TIMEOUT

from truststore._cli import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and shells are others there")

PROBE = """
import json, sys
main = {
    name: value if isinstance(value, (str, type(None))) else type(value).__name__ for name, value in vars(sys.modules["__main__"]).items()
}
print(json.dumps([sys.argv, sys.path, main, str(sys.flags), sys.orig_argv[1:], "sitecustomize" in sys.modules, __name__]))
"""
INJECTED = "import ssl; print(ssl.SSLContext.__module__)"
OURS, OTHERS, NOBODYS = "truststore._context", "_truststore_of_run._context", "ssl"


def started(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-W", "error", *command)
    return subprocess.run(command, cwd=folder, env=environment(variables), capture_output=True, text=True, timeout=50)


def ran(*program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return started("-m", "truststore", "run", *program, folder=folder, **variables)


def outcome(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


# -- as without -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(PROBE)
    (tmp_path / "link.py").symlink_to(tmp_path / "script.py")
    for name in "package", "directory":
        (tmp_path / name).mkdir()
        (tmp_path / name / "__main__.py").write_text(PROBE)
    (tmp_path / "package" / "__init__.py").touch()
    zipapp.create_archive(tmp_path / "directory", tmp_path / "archive.pyz")
    return tmp_path


FORMS = [
    ["script.py", "a", "-b", "--", "--no-children"],
    ["./link.py"],
    ["-m", "script", "-m", "b"],
    ["-mscript"],
    ["-m", "package", "--help"],
    ["directory", "a"],
    ["archive.pyz", "a"],
    ["-c", PROBE, "-c", "b"],
    ["-", "a"],
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0] + form[1][:7] if form[0] == "-m" else form[0])
def test_what_a_program_sees_of_itself(programs: Path, form: list[str]) -> None:
    plain, run_ = started(*form, folder=programs), ran(*form, folder=programs)
    assert plain.returncode == 0
    assert outcome(run_) == outcome(plain)


ENDS = [
    "import sys; sys.exit(3)",
    "import sys; sys.exit('said')",
    "import os; os._exit(4)",
    "def f():\n    raise ValueError('no')\n\nf()",
    "1 +",
    "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "raise KeyboardInterrupt",
    "import atexit; atexit.register(print, 'at exit'); raise OSError(1, 'x')",
    "import ssl, _thread\nssl.create_default_context(cafile='nowhere.pem')",
    "import subprocess; subprocess.run(['nowhere'])",
]


@pytest.mark.parametrize("code", ENDS)
def test_how_a_program_ends(tmp_path: Path, code: str) -> None:
    """Its status or its signal, and its traceback."""
    (tmp_path / "script.py").write_text(code)
    plain, run_ = outcome(started("script.py", folder=tmp_path)), outcome(ran("script.py", folder=tmp_path))
    if "nowhere.pem" in code:  # it is raised a frame deeper, in the package
        assert run_[:2] == plain[:2]
        assert run_[2].splitlines()[-1] == plain[2].splitlines()[-1]
    else:
        assert run_ == plain


@pytest.mark.parametrize("form", ["-m", "-c"])
def test_how_a_program_of_another_form_ends(tmp_path: Path, form: str) -> None:
    code = "import atexit, os\natexit.register(os._exit, 5)\n\ndef f():\n    raise ValueError('no')\n\nf()"
    (tmp_path / "script.py").write_text(code)
    program = [form, "script" if form == "-m" else code]
    plain = outcome(started(*program, folder=tmp_path))
    assert plain[0] == 5
    assert outcome(ran(*program, folder=tmp_path)) == plain


@pytest.mark.parametrize("program", [["nowhere.py"], ["-m", "nowhere"], ["-c"]], ids=" ".join)
def test_a_program_that_is_not_there(tmp_path: Path, program: list[str]) -> None:
    """Python says it."""
    assert outcome(ran(*program, folder=tmp_path)) == outcome(started(*program, folder=tmp_path))


@pytest.mark.parametrize("program", [[], ["--no-children"], ["--unknown"], ["-x", "script.py"]], ids=" ".join)
def test_bad_arguments_are_one_line(tmp_path: Path, program: list[str]) -> None:
    done = ran(*program, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("python -m truststore: run ")
    assert len(done.stderr.splitlines()) == 1


def test_pythons_own_options_are_kept(tmp_path: Path) -> None:
    code = "import sys; print(sys.flags.optimize, sys.flags.dev_mode, sys.warnoptions[-1], sys.orig_argv[1:])"
    flags = ["-OX", "dev", "-Wignore::FutureWarning"]
    expected = outcome(started(*flags, "-c", code, folder=tmp_path))
    assert outcome(started(*flags, "-m", "truststore", "run", "-c", code, folder=tmp_path)) == expected
    assert outcome(started(*flags, "-mtruststore", "run", "-c", code, folder=tmp_path)) == expected


@pytest.mark.parametrize("flag", ["-E", "-I", "-S"])
def test_a_python_that_would_not_inject_is_not_started(tmp_path: Path, flag: str) -> None:
    code = f"""
import runpy, sys
sys.path.insert(0, {SOURCES!r})
sys.argv[1:] = ["run", "-c", "print()"]
sys.orig_argv[2:] = ["-m", "truststore", *sys.argv[1:]]
runpy.run_module("truststore", run_name="__main__")
"""
    done = started(flag, "-c", code, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "leave out -E, -I and -S" in done.stderr


def test_an_interruption(tmp_path: Path) -> None:
    handler = "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nprint('ready', flush=True)\n"
    (tmp_path / "script.py").write_text(
        f"{handler}while True:\n    time.sleep(0.02)\n"
    )  # a long one would not see a signal just before it
    command = [sys.executable, "-m", "truststore", "run", "script.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert err.endswith("KeyboardInterrupt\n")


# -- but for whom it trusts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import ssl, truststore; print(ssl.SSLContext is truststore.SSLContext)",
        "import truststore, ssl; print(ssl.SSLContext is truststore.SSLContext)",
        "import truststore._der, ssl; print(ssl.SSLContext is truststore.SSLContext)",
        "import requests, truststore, urllib3.util.ssl_ as u; print(isinstance(u.create_urllib3_context(), truststore.SSLContext))",
        "import asyncio, ssl, sys; print('truststore' in sys.modules and ssl.SSLContext is sys.modules['truststore'].SSLContext)",
        "import ssl, truststore; truststore.extract_from_ssl(); print(ssl.SSLContext.__module__ == 'ssl')",
        "import ssl; print(type(ssl.__spec__.loader).__name__ == type(ssl.__loader__).__name__ == 'SourceFileLoader')",
        "import importlib, ssl; importlib.reload(ssl); print(ssl.SSLContext.__module__ == 'ssl')",
    ],
)
def test_it_is_injected(tmp_path: Path, code: str) -> None:
    if "requests" in code:
        pytest.importorskip("requests", reason="requests is not installed")
    done = ran("-c", code, folder=tmp_path)
    assert outcome(done) == (0, "True\n", "")


def test_a_program_without_tls_imports_nothing_for_it(tmp_path: Path) -> None:
    code = (
        "import sys; print(json.dumps(sorted(sys.modules)))".replace("json.dumps", "*")[:0]
        + "import sys; print(*sorted(sys.modules))"
    )
    plain, run_ = started("-c", code, folder=tmp_path), ran("-c", code, folder=tmp_path)
    assert set(run_.stdout.split()) - set(plain.stdout.split()) == {"_truststore_startup"}


SPAWNED = """
import multiprocessing, sys

def module():
    import ssl
    return ssl.SSLContext.__module__

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(pool.apply(module))
"""


@pytest.mark.parametrize("options", [[], ["--no-children"]], ids=["children", "no children"])
@pytest.mark.parametrize("how", ["spawn", "forkserver", "subprocess"])
def test_its_children(tmp_path: Path, how: str, options: list[str]) -> None:
    if how == "subprocess":
        program = ["-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {INJECTED!r}])"]
    else:
        (tmp_path / "script.py").write_text(SPAWNED)
        program = ["script.py", how]
    done = ran(*options, *program, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{NOBODYS if options else OURS}\n", "")


def test_without_children_nothing_is_left_in_the_environment(tmp_path: Path) -> None:
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    for path in "", "elsewhere":
        plain, run_ = (
            json.loads(start("-c", code, folder=tmp_path, PYTHONPATH=os.pathsep.join(filter(None, (SOURCES, path)))).stdout)
            for start in (started, lambda *command, **options: ran("--no-children", *command, **options))
        )
        assert run_ == plain


@pytest.mark.parametrize("has_another", [False, True], ids=["without truststore", "with another truststore"])
def test_the_python_of_another_environment(tmp_path: Path, has_another: bool) -> None:
    venv.create(tmp_path / "other", symlinks=True)
    python = next((tmp_path / "other").glob("bin/python"))
    code = "import ssl, sys; print(ssl.SSLContext.__module__, len([path for path in sys.path if 'startup' in path]))"
    if has_another:
        site_packages = next((tmp_path / "other").glob("lib/*/site-packages"))
        (site_packages / "truststore.py").write_text("another = True\n")
        code += "; import truststore; assert truststore.another"
    start = f"""
import os, subprocess
os.environ["PYTHONPATH"] = os.environ["PYTHONPATH"].split(os.pathsep)[0]  # without the sources of these tests
subprocess.run([{str(python)!r}, "-W", "error", "-c", {code!r}])
"""
    done = ran("-c", start, folder=tmp_path)
    assert outcome(done) == (0, f"{OTHERS} 0\n", "")


def test_another_sitecustomize_runs_as_without(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.customized = __file__, __name__\n")
    paths = os.pathsep.join((SOURCES, str(tmp_path)))
    code = "import sys, sitecustomize; print(sys.customized, sitecustomize.__file__, sys.path)"
    plain = started("-c", code, folder=tmp_path, PYTHONPATH=paths)
    assert plain.returncode == 0
    assert outcome(ran("-c", code, folder=tmp_path, PYTHONPATH=paths)) == outcome(plain)
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('broken')\n")
    plain = started("-c", "print(1)", folder=tmp_path, PYTHONPATH=paths)
    assert "broken" in plain.stderr
    paths = os.pathsep.join((run.FOLDER, paths))
    assert outcome(started("-c", "print(1)", folder=tmp_path, PYTHONPATH=paths)) == outcome(plain)


def test_one_in_another(tmp_path: Path) -> None:
    code = f"import os; print(os.environ['PYTHONPATH'].count({run.FOLDER!r})); {INJECTED}"
    done = ran("-m", "truststore", "run", "-c", code, folder=tmp_path)
    assert outcome(done) == (0, f"1\n{OURS}\n", "")


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.9"])
def test_older_pythons_start_as_without(tmp_path: Path, version: str) -> None:
    """Where versions lie side by side, as pyenv has them."""
    python = next(Path(sys.base_prefix).parent.glob(f"{version}*/bin/python"), None) or shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"there is no Python {version} here")
    command = [str(python), "-c", "import ssl, sys; print([sys.path, ssl.SSLContext, 'sitecustomize' in sys.modules])"]
    without = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    plain, run_ = (
        subprocess.run(command, env={**without, **variables}, cwd=tmp_path, capture_output=True, text=True)
        for variables in ({}, {"PYTHONPATH": run.FOLDER})
    )
    assert plain.returncode == 0
    assert outcome(run_) == outcome(plain)


def test_nothing_that_fails_stops_an_interpreter(tmp_path: Path) -> None:
    folder = tmp_path / "truststore" / "_cli" / "startup"
    shutil.copytree(run.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    done = started("-c", INJECTED, folder=tmp_path, PYTHONPATH=str(folder))
    assert done.stdout == f"{NOBODYS}\n", "the package is not there"
    assert done.stderr.startswith("truststore: the system's trust could not be set up: FileNotFoundError")
    assert len(done.stderr.splitlines()) == 1
    (folder / "_truststore_startup.py").write_text("raise RuntimeError('broken')\n")
    done = started("-c", INJECTED, folder=tmp_path, PYTHONPATH=str(folder))
    assert (done.returncode, done.stdout) == (0, f"{NOBODYS}\n")
    assert done.stderr == f"truststore: {folder} is not used: broken\n"


def test_a_python_whose_ssl_is_another_starts_as_without(tmp_path: Path) -> None:
    """As GraalPy's."""
    done = ran("-c", f"import _ssl; del _ssl.ENCODING_DER; {INJECTED}", folder=tmp_path)
    assert outcome(done) == (0, f"{NOBODYS}\n", "")


BACKEND = """
import pathlib

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    import ssl
    pathlib.Path({out!r}).write_text(ssl.SSLContext.__module__)
    raise SystemExit("enough was seen")
"""


def test_pips_build_isolation(tmp_path: Path) -> None:
    pytest.importorskip("pip", reason="pip is not installed")
    out = tmp_path / "out.txt"
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "backend.py").write_text(BACKEND.format(out=str(out)))
    project = (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "p"\nversion = "1"\n'
    )
    (tmp_path / "project" / "pyproject.toml").write_text(project)
    arguments = ["wheel", "--quiet", "--no-index", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "./project"]
    command: list[Any] = [sys.executable, "-m", "truststore", "run", "-m", "pip", *arguments]
    subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, timeout=50)
    assert out.read_text() == OTHERS
