# SPDX-License-Identifier: Apache-2.0
"""Muon for matrices, sparse Adam for large context tables, AdamW for the rest."""

import torch

from twin import EXACT

RATES = dict(matrix=0.02, table=4e-3, other=2e-3)

class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by Newton-Schulz iterations (Jordan et al., 2024)."""

    def __init__(self, params, lr, momentum=0.95):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                buf = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buf.lerp_(p.grad, 1 - group["momentum"])
                u = p.grad.lerp(buf, group["momentum"])
                tall = u.shape[0] > u.shape[1]
                u = u.T if tall else u
                u = (u / (u.norm() + 1e-7)).to(EXACT)
                for _ in range(5):
                    a = u @ u.T
                    u = torch.addmm(u, torch.addmm(a, a, a, beta=-4.7750, alpha=2.0315), u, beta=3.4445)
                u = u.T if tall else u
                p.add_(u.float(), alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


class Optimizers:
    """All of them as one, with rates that follow a schedule."""

    def __init__(self, model, scale):
        matrices = model.matrices()
        tables = [t.weight for t in model.tables if t.sparse]
        special = set(map(id, matrices + tables))
        others = [p for p in model.parameters() if id(p) not in special]
        self.all = [Muon(matrices, lr=RATES["matrix"]),
                    torch.optim.AdamW(others, lr=RATES["other"], betas=(0.9, 0.95), weight_decay=0.0)]
        if tables:
            rows = model.fused.AdamRows if model.fused else torch.optim.SparseAdam
            self.all.append(rows(tables, lr=RATES["table"], betas=(0.9, 0.98)))
        self.rates = [[g["lr"] * scale for g in o.param_groups] for o in self.all]

    def step(self, share):
        """One step at a share of the full rates; gradients are forgotten."""
        for o, rates in zip(self.all, self.rates):
            for group, rate in zip(o.param_groups, rates):
                group["lr"] = rate * share
            o.step()
            o.zero_grad(set_to_none=True)

    def state_dict(self):
        return [o.state_dict() for o in self.all]

    def load_state_dict(self, states):
        for o, state in zip(self.all, states):
            o.load_state_dict(state)
