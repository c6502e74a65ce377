"""Which suites are run: their versions, where their tests are, and what they need. Data alone.

Tests come out of the project's sdist on PyPI, or lie in what it installs; the project itself is installed from its wheel, with the versions
of `constraints.txt` for all that comes with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INJECTED, GATE = "injected", "gate"


@dataclass(frozen=True)
class Suite:
    """A row of the table."""

    name: str
    version: str
    #: Files or folders of the sdist, or, if `installed`, of the folder that the project is installed in.
    tests: tuple[str, ...] = ()
    #: Requirements, with spaces between them.
    needs: str = ""
    #: The project's name on PyPI, where `name` is another.
    project: str = ""
    #: No sdist: the tests come with the wheel.
    installed: bool = False
    #: The project's own code in the sdist: it has to go, or the tests would not test what is installed.
    source: tuple[str, ...] = ()
    #: For pytest, after those that each suite gets.
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    #: What is compared with stock.
    modes: tuple[str, ...] = (INJECTED,)
    #: A statement to run first, in stock too: before the injection, or after it.
    before: str = ""
    after: str = ""
    #: Belongs to the short subset.
    short: bool = False
    #: Why it is not run.
    skip: str = ""

    @property
    def requirement(self) -> str:
        return f"{self.project or self.name}=={self.version}"


#: Where a file has much else: an expression for pytest's -k.
SPEAKS_TLS = "ssl or tls or https or cert or secure or proxy or fingerprint"
GEVENT_TESTS = tuple(f"gevent/tests/test__{name}.py" for name in ("ssl", "server", "pywsgi", "makefile_ref", "socket_ex"))
EVENTLET_TESTS = tuple(
    f"tests/{name}_test.py" for name in ("ssl", "wsgi", "green_http", "convenience", "websocket", "websocket_new")
)
#: Its sdist lacks those that its Docker set-up makes.
REDIS_CERTIFICATES = """
import pathlib, trustme
folder, authority = pathlib.Path("dockers/standalone/tls"), trustme.CA()
folder.mkdir(parents=True, exist_ok=True)
authority.cert_pem.write_to_path(folder / "ca.crt")
for name in "redis", "client":
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")
    issued.private_key_pem.write_to_path(folder / f"{name}.key")
"""

SUITES = (
    Suite(
        "aiohttp",
        "3.14.5",
        (
            "tests/test_client_functional.py",
            "tests/test_connector.py",
            "tests/test_proxy_functional.py",
            "tests/test_client_fingerprint.py",
        ),
        needs="pytest pytest-xdist pytest-mock pytest-timeout coverage trustme blockbuster freezegun isal zlib-ng proxy.py re-assert",
        source=("aiohttp",),
        options=("-o", "addopts=", "-m", "not dev_mode and not autobahn and not internal", "-k", SPEAKS_TLS),
        short=True,
    ),
    Suite(
        "anyio",
        "4.16.0",
        ("tests/streams/test_tls.py", "tests/test_sockets.py"),
        options=("-k", "tls or ssl"),
        needs="anyio[trio] pytest pytest-mock pytest-timeout psutil trustme blockbuster uvloop",
        source=("src",),
        modes=(INJECTED, GATE),
        short=True,
    ),
    Suite(
        "trio",
        "0.35.0",
        ("trio/_tests/test_ssl.py", "trio/_tests/test_highlevel_ssl_helpers.py"),
        needs="pytest pyopenssl trustme",
        installed=True,
        options=("-p", "trio._tests.pytest_plugin", "--run-slow"),
        modes=(INJECTED, GATE),
        short=True,
    ),
    Suite(
        "httpcore",
        "1.0.9",
        tuple(
            f"tests/{kind}/test_{name}.py" for kind in ("_async", "_sync") for name in ("integration", "connection", "http_proxy")
        ),
        needs="httpcore[asyncio,trio,http2,socks] pytest pytest-httpbin pytest-trio",
        source=("httpcore",),
        modes=(INJECTED, GATE),
        short=True,
    ),
    Suite(
        "urllib3",
        "2.8.0",
        (
            *("test/test_ssl.py", "test/test_ssltransport.py", "test/test_connectionpool.py", "test/test_util.py"),
            *(
                "test/with_dummyserver/test_https.py",
                "test/with_dummyserver/test_socketlevel.py",
                "test/with_dummyserver/test_proxy_poolmanager.py",
            ),
        ),
        # Its own fork of Hypercorn is on no index: what needs that fails with plain `ssl`, too.
        needs="anyio[trio] h2 httpx hypercorn idna pysocks pytest pytest-socket pytest-timeout quart quart-trio trio trustme",
        source=("src",),
        options=("-m", "not requires_network and not integration", "-k", "not http2_probe"),
        modes=(INJECTED, GATE),
    ),
    Suite(
        "requests",
        "2.34.2",
        ("tests/test_requests.py", "tests/test_adapters.py", "tests/test_lowlevel.py", "tests/test_testserver.py"),
        needs="requests[socks] httpbin~=0.10.0 pytest pytest-httpbin==2.1.0 pytest-mock trustme",
        source=("src",),
        modes=(INJECTED, GATE),
    ),
    Suite(
        "httpx",
        "0.28.1",
        ("tests/test_config.py", "tests/client", "tests/test_timeouts.py"),
        needs="httpx[brotli,cli,http2,socks,zstd] chardet==5.2.0 pytest trio trustme uvicorn",
        source=("httpx",),
        options=("-m", "not network"),
        modes=(INJECTED, GATE),
    ),
    Suite(
        "tornado",
        "6.6.1",
        tuple(
            f"tornado/test/{name}_test.py"
            for name in ("httpserver", "iostream", "simple_httpclient", "tcpclient", "tcpserver", "netutil")
        ),
        needs="pytest",
        installed=True,
        before="import logging; logging.getLogger('tornado.access').setLevel(logging.CRITICAL)",  # as its own runner does
        modes=(INJECTED, GATE),
    ),
    Suite("websockets", "17.4", skip="its sdists on PyPI hold no test that connects"),
    Suite(
        "uvloop",
        "0.23.0",
        ("tests/test_tcp.py", "tests/test_unix.py", "tests/test_context.py"),
        needs="psutil pyopenssl pytest",
        source=("uvloop",),
        options=("-k", SPEAKS_TLS),
        modes=(INJECTED, GATE),
    ),
    Suite(
        "aiosmtplib",
        "5.1.3",
        ("tests",),
        needs="aiosmtpd hypothesis pytest pytest-asyncio trustme uvloop",
        source=("src",),
    ),
    Suite(
        "redis",
        "8.1.0",
        ("tests/test_connect.py", "tests/test_asyncio/test_connect.py"),  # the others need a server that speaks TLS
        needs="aiohttp numpy pybreaker pytest pytest-asyncio pytest-timeout trustme ujson xxhash",
        source=("redis",),
        before=REDIS_CERTIFICATES,
        modes=(INJECTED, GATE),
    ),
    Suite("pymongo", "4.20.1", skip="all of its tests that connect need a server of MongoDB, which neither PyPI nor Debian has"),
    Suite(
        "hypercorn",
        "0.18.0",
        ("tests",),
        needs="hypercorn[trio] httpx hypothesis mock pytest pytest-asyncio pytest-trio trio",
        source=("src",),
        options=("-o", "addopts="),
    ),
    Suite(
        "uvicorn",
        "0.54.0",
        ("tests/test_ssl.py", "tests/test_config.py", "tests/protocols/test_http2.py", "tests/test_main.py"),
        needs="uvicorn[standard] a2wsgi httpx2 pytest pytest-mock trustme wsproto zttp",
        source=("uvicorn",),
        options=("-o", "addopts="),
    ),
    Suite(
        "cheroot",
        "11.1.2",
        tuple(f"cheroot/test/test_{name}.py" for name in ("ssl", "server", "conn", "core")),
        needs="jaraco.context jaraco.functools jaraco.text more-itertools portend pyopenssl pypytools pytest pytest-mock "
        "requests requests-toolbelt requests-unixsocket trustme",
        options=("-o", "addopts=", "-p", "cheroot.test._pytest_plugin"),
        installed=True,
    ),
    Suite(
        "werkzeug",
        "3.1.9",
        ("tests/test_serving.py",),
        needs="ephemeral-port-reserve pytest pytest-timeout watchdog",
        source=("src",),
    ),
    Suite(
        "gunicorn",
        "27.0.1",
        ("tests/test_ssl.py", "tests/test_gthread.py", "tests/test_http2_alpn.py", "tests/workers"),
        needs="gunicorn[gevent,http2] h2 httpx[http2] pytest pytest-asyncio uvloop",
        source=("gunicorn",),
        options=("-o", "addopts=--assert=plain"),
    ),
    Suite(
        "gevent",
        "26.9.0",
        GEVENT_TESTS,
        needs="gevent[test] pytest",
        installed=True,
    ),
    Suite(
        "gevent-first",
        "26.9.0",
        GEVENT_TESTS,
        needs="gevent[test] pytest",
        project="gevent",
        installed=True,
        before="from gevent import monkey; monkey.patch_all()",
    ),
    Suite(
        "eventlet",
        "0.41.3",
        EVENTLET_TESTS,
        needs="pyopenssl pytest",
        source=("eventlet",),
        after="import eventlet; eventlet.monkey_patch()",
    ),
    Suite(
        "eventlet-first",
        "0.41.3",
        EVENTLET_TESTS,
        needs="pyopenssl pytest",
        project="eventlet",
        source=("eventlet",),
        before="import eventlet; eventlet.monkey_patch()",
    ),
)
