"""Fréchet distance between Gaussians, in closed form.

Legend: n samples, D features.
"""

import numpy as np


def frechet_distance(
    mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray,
) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), means [D], covariances [D, D] (Dowson and Landau 1982).

    The trace of (S1 S2)^(1/2) is the sum of the roots of the eigenvalues of S1^(1/2) S2 S1^(1/2), which has the same
    ones and is symmetric: sound for singular covariances too, of fewer samples than features.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    of_product = np.linalg.eigvalsh(root @ other_covariance @ root)
    trace = np.trace(covariance) + np.trace(other_covariance) - 2 * np.sqrt(of_product.clip(0)).sum()
    return float(np.square(mean - other_mean).sum() + trace)


def frechet_distance_of_samples(features: np.ndarray, other: np.ndarray) -> float | None:
    """Distance between the Gaussians that have the means and (unbiased) covariances of features [n, D] and other
    [m, D]; None for fewer than two of either."""
    if min(len(features), len(other)) < 2:
        return None
    gaussians = [(x.mean(0), np.atleast_2d(np.cov(x, rowvar=False))) for x in (features, other)]
    return frechet_distance(*gaussians[0], *gaussians[1])
