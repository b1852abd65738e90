"""The page: watch and steer experiments in a browser. See `app` for its routes, `views` for what it shows."""
