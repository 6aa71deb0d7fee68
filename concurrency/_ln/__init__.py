"""How a function is called over a list; `concurrency.ln` lists what is public."""
