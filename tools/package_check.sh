# SPDX-License-Identifier: Apache-2.0
# What a Python user does: pip install into an empty environment, import, call; from a folder
# where neither this tree nor its build can be found.
# shellcheck shell=bash
set -euo pipefail

folder=$PWD/build-package-check
rm -rf "$folder"
mkdir -p "$folder/elsewhere"
python -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-input . </dev/null

cd "$folder/elsewhere"
env -u PYTHONPATH -u SEQMIX_LIBRARY "$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import seqmix

rng = np.random.default_rng(0)
q, k, v = (rng.standard_normal((1, 5, 2, 8), dtype=np.float32) for _ in range(3))
out = seqmix.attention(q, k, v, causal=True)
s = np.einsum("bihd,bjhd->bhij", q, k) / np.sqrt(8)
s = np.where(np.tril(np.ones((5, 5), bool)), s, -np.inf)
p = np.exp(s - s.max(-1, keepdims=True))
want = np.einsum("bhij,bjhd->bihd", p / p.sum(-1, keepdims=True), v)
np.testing.assert_allclose(out, want, atol=1e-5)
assert "elsewhere" not in seqmix.__file__ and "venv" in seqmix.__file__
print(f"{seqmix.__file__}: {[device['name'] for device in seqmix.devices()]}")
PYTHON
