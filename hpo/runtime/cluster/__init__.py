"""Trials on the nodes of a Ray cluster.

::

    runner --- launcher ---socket--- bridge ---Ray--- host --- fork server --- trial
                                     one, here        one for each trial at a time, on any node

The `launcher` is the runner's: the local one, but for the process at the other end of its socket. That is the
`bridge`, which speaks the fork server's words and is the only one that knows Ray. A `host` is an actor that
holds a trial's resources; it runs one trial after another from a fork server of its own, so that a trial
starts as warm, and is as well kept, as on one machine. What a trial writes goes back to its folder beside the
store as it appears, so that all the rest of the house sees a trial as ever.
"""
