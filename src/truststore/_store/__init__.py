"""Where the system keeps its roots as files: found by `search`, in the `places` of a table, and read as OpenSSL reads them."""
