"""An experiment: made from a configuration (`create`), run to its end (`loop`), and gone on with."""
