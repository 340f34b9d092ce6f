//! Symmetric matrices as packed lower triangles: row after row, the row `i` from column 0 to `i`.
//!
//! Only additions, products, quotients and square roots in a fixed order: the same bits on every machine.

/// The entries of a triangle of that dimension.
pub(crate) const fn len(dim: usize) -> usize {
    dim * (dim + 1) / 2
}

/// The rows, each with its number of columns.
fn rows(packed: &[f64]) -> impl Iterator<Item = &[f64]> {
    let mut rest = packed;
    (1..).map_while(move |columns| {
        let (row, after) = rest.split_at_checked(columns)?;
        rest = after;
        Some(row)
    })
}

/// The sum of products over the shorter of the two, in four lanes so that it vectorises.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let both = a.len().min(b.len());
    let (a, b) = (&a[..both], &b[..both]);
    let mut lanes = [0.0; 4];
    let (fours_a, fours_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = fours_a.remainder().iter().zip(fours_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in fours_a.zip(fours_b) {
        for lane in 0..4 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// Adds `factor * x xᵀ`.
pub(crate) fn add_outer(packed: &mut [f64], x: &[f64], factor: f64) {
    let mut rest = packed;
    for i in 0..x.len() {
        let (row, after) = rest.split_at_mut(i + 1);
        let scaled = factor * x[i];
        for (entry, value) in row.iter_mut().zip(x) {
            *entry += scaled * value;
        }
        rest = after;
    }
}

/// `xᵀ A x`.
pub(crate) fn quadratic(packed: &[f64], x: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (i, row) in rows(packed).take(x.len()).enumerate() {
        sum += x[i] * (2.0 * dot(&row[..i], x) + row[i] * x[i]);
    }
    sum
}

/// `A x` into `out`.
pub(crate) fn times(packed: &[f64], x: &[f64], out: &mut [f64]) {
    for (i, row) in rows(packed).take(x.len()).enumerate() {
        let (before, at) = out.split_at_mut(i);
        at[0] = dot(row, x);
        let value = x[i];
        for (below, entry) in before.iter_mut().zip(row) {
            *below += entry * value;
        }
    }
}

/// The trace of `A B`.
pub(crate) fn trace_of_product(a: &[f64], b: &[f64], dim: usize) -> f64 {
    let diagonal: f64 = (0..dim).map(|i| a[len(i) + i] * b[len(i) + i]).sum();
    2.0 * dot(&a[..len(dim)], &b[..len(dim)]) - diagonal
}

/// The Cholesky factor `L` with `A = L Lᵀ`, in place; false where `A` is not positive definite.
pub(crate) fn factorise(packed: &mut [f64], dim: usize) -> bool {
    for i in 0..dim {
        let start = len(i);
        for j in 0..=i {
            let (before, row) = packed.split_at_mut(start);
            if j < i {
                let other = &before[len(j)..=len(j) + j];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            } else {
                let rest = row[i] - dot(&row[..i], &row[..i]);
                if rest.is_nan() || rest <= 0.0 {
                    return false;
                }
                row[i] = rest.sqrt();
            }
        }
    }
    true
}

/// `A⁻¹` from the Cholesky factor of `A`.
pub(crate) fn invert(factor: &[f64], dim: usize) -> Vec<f64> {
    // Rows of L⁻¹, then A⁻¹ = L⁻ᵀ L⁻¹.
    let mut inverse = vec![0.0; len(dim)];
    for i in 0..dim {
        let row = &factor[len(i)..=len(i) + i];
        for j in 0..=i {
            let mut sum = if i == j { 1.0 } else { 0.0 };
            for k in j..i {
                sum -= row[k] * inverse[len(k) + j];
            }
            inverse[len(i) + j] = sum / row[i];
        }
    }
    let mut out = vec![0.0; len(dim)];
    for k in 0..dim {
        let row = &inverse[len(k)..=len(k) + k];
        add_outer(&mut out[..len(k + 1)], row, 1.0);
    }
    out
}

/// `A⁻¹`, or nothing where `A` is not positive definite.
pub(crate) fn inverse(mut packed: Vec<f64>, dim: usize) -> Option<Vec<f64>> {
    factorise(&mut packed, dim).then(|| invert(&packed, dim))
}

/// The entry of a row and column in either order.
#[cfg(test)]
pub(crate) fn entry(packed: &[f64], row: usize, column: usize) -> f64 {
    packed[len(row.max(column)) + row.min(column)]
}
