"""HTTP towards engines: a pooled HTTP/1.1 client of our own for http, aiohttp for https."""
