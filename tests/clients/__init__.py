"""Clients that people use, each in each way that truststore can be given to it, against servers of this machine: `nox -s clients`.

    python -m clients                  # all of them; differences from docs/clients.csv are an error
    python -m clients requests httpx   # these
    python -m clients --write          # and write docs/clients.csv

`table` has the clients, as data; `web`, `mail`, `databases` and `messages` what each of them does with a case; `cases` the cases and ways.
The parent (`__main__`) makes the environments and serves (`world`); each client and way is a process of its own (`attempt`), which sees
nothing of the parent but where the servers are.
"""
