"""The product, one stage a file, in the order in which a task passes them."""
