"""Which certificate of a chain follows which: finds the right order by the names of issuers and subjects.

Linear in the number of certificates. Does not look at signatures.
"""

from __future__ import annotations

from itertools import pairwise

from ._facts import Facts, signature_verdict
from ._findings import ChainFinding
from ._names import title


def put_in_order(given: list[Facts], findings: list[ChainFinding]) -> list[Facts]:
    """The certificates without repetitions, each followed by its signer if possible.

    Later checks see the right order, so a wrong order gives only one finding.
    """
    path = _without_repetitions(given, findings)
    doubled = _note_equal_subjects(path, findings)
    if all(_linked(child, parent) for child, parent in pairwise(path)):
        if len(path) == 1:
            _check_lone(path[0], findings)
        return path
    right = None if doubled else _reordered(path)
    if right is not None:
        order = ", ".join(str(facts.index + 1) for facts in right)
        text = f"the certificates are in the wrong order: device first, then each one's signer, here {order}"
        findings.append(ChainFinding("wrong_order", text, requirement=5))
        return right
    for child, parent in pairwise(path):
        if not _linked(child, parent) and child.issuer is not None and parent.subject is not None:
            findings.append(_broken_link(child, parent, first=child is path[0]))
    return path


def is_self_signed(facts: Facts) -> bool:
    """Whether the certificate's own key signed it; a weak signature is believed."""
    if not facts.self_issued or facts.weak_hash:
        return facts.self_issued
    return signature_verdict(facts, facts) == "good"


def _linked(child: Facts, parent: Facts) -> bool:
    return child.issuer is not None and child.issuer_key == parent.subject_key


def _without_repetitions(given: list[Facts], findings: list[ChainFinding]) -> list[Facts]:
    path: list[Facts] = []
    seen: dict[object, Facts] = {}
    for facts in given:
        first = seen.setdefault(facts.certificate, facts)
        if first is facts:
            path.append(facts)
        else:
            text = f"{facts.label} is the same as certificate {first.index + 1}: leave one of them out"
            findings.append(facts.finding(5, "repeated", text))
    return path


def _note_equal_subjects(path: list[Facts], findings: list[ChainFinding]) -> bool:
    seen: dict[object, Facts] = {}
    found = False
    for facts in path:
        if facts.subject is None:
            continue
        first = seen.setdefault(facts.subject_key, facts)
        if first is not facts:
            found = True
            text = (
                f"{facts.label} has the same subject as certificate {first.index + 1}, so its signer cannot be"
                " found by name: give each certificate a name of its own"
            )
            findings.append(facts.finding(6, "duplicate_subject", text))
    return found


def _reordered(path: list[Facts]) -> list[Facts] | None:
    """The one order in which each certificate is followed by its issuer, `None` if some cannot be placed."""
    if any(facts.subject is None or facts.issuer is None for facts in path):
        return None
    by_subject = {facts.subject_key: facts for facts in path}
    issuers = {facts.issuer_key for facts in path if not facts.self_issued}
    leaves = [facts for facts in path if facts.subject_key not in issuers]
    if len(leaves) != 1:
        return None
    order = [leaves[0]]
    while len(order) < len(path):
        following = by_subject.get(order[-1].issuer_key)
        if following is None or following is order[-1]:
            return None
        order.append(following)
    return order if len(set(map(id, order))) == len(path) else None


def _check_lone(facts: Facts, findings: list[ChainFinding]) -> None:
    if facts.is_ca or facts.issuer is None:
        return  # reported as device_is_ca or unreadable
    if is_self_signed(facts):
        findings.append(_self_signed(facts))
        return
    text = (
        f"the chain ends with the device certificate: add the certificate of {title(facts.issuer)}"
        " (newer platforms do without it if exactly that one is uploaded)"
    )
    findings.append(ChainFinding("missing_ca", text, requirement=5, fault=False))


def _self_signed(facts: Facts) -> ChainFinding:
    text = f"{facts.label} signs itself: have it signed by a CA, since the platform trusts only CAs"
    return facts.finding(3, "self_signed", text)


def _broken_link(child: Facts, parent: Facts, *, first: bool) -> ChainFinding:
    if first and is_self_signed(child):
        return _self_signed(child)
    if child.self_issued and not first:
        text = f"{parent.label} follows {child.label}, which needs no signer: end the chain with the uploaded CA"
        return parent.finding(5, "not_needed", text)
    text = (
        f"{child.label} was issued by {title(child.issuer)}, but {parent.label} follows it:"
        f" put the certificate of {title(child.issuer)} after it, or issue it again with this CA"
    )
    return child.finding(6, "wrong_issuer", text)
