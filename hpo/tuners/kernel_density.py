"""The kernel density of BOHB: a product of one kernel for each parameter, with a width by the normal rule.

S. Falkner, A. Klein and F. Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale",
ICML 2018, section 3.2; B. W. Silverman, "Density Estimation", 1986 (the rule); J. Aitchison and C. Aitken,
"Multivariate Binary Discrimination by the Kernel Method", Biometrika 63 (1976) (the kernel of choices).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from hpo.tuners.points import Column, Cube, Floats, Mask

__all__ = ["KernelDensity"]

_ROOT_2PI = np.sqrt(2 * np.pi)


class KernelDensity:
    """A density over the cube, relative to the prior.

    A kernel has the density 1 where its observation lacks a parameter, so that configurations of all
    branches of the tree are in one mixture.

    Args:
        cube: the space.
        rows: the observations, at least one.
        least: the least width of a kernel.
    """

    def __init__(self, cube: Cube, rows: Floats, least: float) -> None:
        self._columns, self._rows = cube.columns, rows
        known = ~np.isnan(rows)
        counts = np.maximum(known.sum(axis=0), 1)
        means = np.where(known, rows, 0.0).sum(axis=0) / counts
        deviations = np.sqrt((np.where(known, rows - means, 0.0) ** 2).sum(axis=0) / counts)
        shrinking = counts ** (-1 / (4 + len(cube)))
        # Of a choice it is the chance that the value is another one.
        spreads = np.where(cube.ordered, 1.06 * deviations, 0.5)
        self._widths = np.clip(spreads * shrinking, least, 0.9)

    def sample(self, generator: np.random.Generator, count: int, *, factor: float) -> Floats:
        """Draw full rows near the observations, from kernels that are `factor` times as wide."""
        chosen = self._rows[generator.integers(len(self._rows), size=count)]
        draws, others = generator.random((2, count, len(self._columns)))
        drawn = np.empty_like(chosen)
        for i, column in enumerate(self._columns):
            width = self._widths[i] * factor
            if column.ordered:
                low, high = ndtr(-chosen[:, i] / width), ndtr((1 - chosen[:, i]) / width)
                drawn[:, i] = chosen[:, i] + width * ndtri(low + draws[:, i] * (high - low))
            else:
                drawn[:, i] = np.where(draws[:, i] < width, others[:, i], chosen[:, i])
        full: Floats = np.clip(np.where(np.isnan(chosen), others, drawn), 0.0, 1.0)
        return full

    def log_density(self, rows: Floats, active: Mask) -> Floats:
        """Return the logarithm of the density at full rows, over their active columns."""
        logs = np.zeros((len(rows), len(self._rows)))
        for i, column in enumerate(self._columns):
            both = active[:, i, None] & ~np.isnan(self._rows[None, :, i])
            logs += np.where(both, self._log_kernel(i, column, rows[:, i, None]), 0.0)
        top = logs.max(axis=1)
        density: Floats = top + np.log(np.exp(logs - top[:, None]).mean(axis=1))
        return density

    def _log_kernel(self, i: int, column: Column, points: Floats) -> Floats:
        centres, width = self._rows[None, :, i], self._widths[i]
        if column.ordered:
            mass = ndtr((1 - centres) / width) - ndtr(-centres / width)
            ordered: Floats = -0.5 * ((points - centres) / width) ** 2 - np.log(width * _ROOT_2PI * mass)
            return ordered
        hit = column.index(points) == column.index(centres)
        size = max(column.size, 2)
        logs: Floats = np.log(np.where(hit, 1 - width, width / (size - 1)) * column.size)
        return logs
