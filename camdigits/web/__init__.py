"""`camdigits serve`: one page in the browser that draws, reads pictures and cameras, and the HTTP API behind it."""
