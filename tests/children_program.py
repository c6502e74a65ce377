"""A program with children: `python children_program.py top|main` prints, as JSON, whose contexts those of each start method make.

It injects at the top of its module, or under `if __name__ == "__main__"`.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import truststore

if sys.argv[1] == "top":
    truststore.inject_into_ssl()

ASK = "import ssl; print(ssl.SSLContext.__module__, end='')"


def whose() -> str:
    """Asked of a child."""
    import ssl

    return ssl.SSLContext.__module__


def of_a_pool(method: str, initialized: bool) -> str:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, context, truststore.inject_into_ssl if initialized else None) as pool:
        return pool.submit(whose).result(30)


if __name__ == "__main__":
    truststore.inject_into_ssl()
    answers = {method: of_a_pool(method, initialized=False) for method in multiprocessing.get_all_start_methods()}
    answers["subprocess"] = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout
    if sys.argv[1] == "main":
        answers["initialized"] = of_a_pool("spawn", initialized=True)
    print(json.dumps(answers))
