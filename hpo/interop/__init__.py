"""Search spaces and results, to other tools and from them."""
