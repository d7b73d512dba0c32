import { append } from "../../lib/index.ts";
import { ageColumn, nameColumn, selectorCell } from "../columns.ts";
import { eachItem, invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required, rootPath } from "../meta/field-error.ts";
import { cidrContains, cidrWarnings, isCidr, parseCidr } from "../meta/ip.ts";
import { validateLabelSelector } from "../meta/label-selector.ts";
import { isPortName, isPortNumber } from "../meta/names.ts";
import { defineResource } from "../resource.ts";
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "../types.generated.ts";

const policyTypesMax = 2;

export const NetworkPolicies = defineResource<NetworkPolicy>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  columns: [
    nameColumn,
    { name: "Pod-Selector", type: "string", of: ({ spec }) => selectorCell(spec.podSelector) },
    ageColumn,
  ],
  hasGeneration: true,
  defaults: ({ spec }) => {
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of rule.ports ?? []) port.protocol ??= "TCP";
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
    // A struct in Go, which is written when it is empty.
    spec.podSelector ??= {};
  },
  validate: ({ spec }, root) => {
    const at = root.child("spec");
    const rules = (from: readonly NetworkPolicyPeer[] | undefined, field: string, place: Path) =>
      eachItem(place.child(field), from, validatePeer);
    return [
      ...validateLabelSelector(at.child("podSelector"), spec.podSelector),
      ...eachItem(at.child("ingress"), spec.ingress, ({ ports, from }, place) => [
        ...eachItem(place.child("ports"), ports, validatePort),
        ...rules(from, "from", place),
      ]),
      ...eachItem(at.child("egress"), spec.egress, ({ ports, to }, place) => [
        ...eachItem(place.child("ports"), ports, validatePort),
        ...rules(to, "to", place),
      ]),
      ...validateTypes(spec.policyTypes ?? [], at.child("policyTypes")),
    ];
  },
  warnings: ({ spec }) => {
    const at = rootPath.child("spec");
    return [
      ...(spec.ingress ?? []).flatMap(({ from }, index) =>
        peerWarnings(from, at.child("ingress").index(index).child("from")),
      ),
      ...(spec.egress ?? []).flatMap(({ to }, index) => peerWarnings(to, at.child("egress").index(index).child("to"))),
    ];
  },
});

function peerWarnings(peers: readonly NetworkPolicyPeer[] | undefined, at: Path): string[] {
  return (peers ?? []).flatMap(({ ipBlock }, index) => {
    if (!ipBlock) return [];
    const { cidr = "", except = [] } = ipBlock;
    const place = at.index(index).child("ipBlock");
    return [
      ...cidrWarnings(place.child("cidr"), cidr),
      ...except.flatMap((text, number) => cidrWarnings(place.child("except").index(number), text)),
    ];
  });
}

function validateTypes(types: readonly string[], at: Path): FieldError[] {
  if (types.length > policyTypesMax) return [invalidValue(at, types, "may not specify more than two policyTypes")];
  return eachItem(at, types, (type, place) => optionalEnum(place, type, ["Ingress", "Egress"]));
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, at: Path): FieldError[] {
  const errors = optionalEnum(at.child("protocol"), protocol, ["TCP", "UDP", "SCTP"]);
  const endAt = at.child("endPort");
  if (typeof port === "number") {
    append(errors, invalidFor(at.child("port"), port, isPortNumber(port)));
    if (endPort === undefined) return errors;
    // Kubernetes shows the port, not its end.
    if (endPort < port) errors.push(invalidValue(endAt, port, "must be greater than or equal to `port`"));
    return [...errors, ...invalidFor(endAt, endPort, isPortNumber(endPort))];
  }
  if (endPort !== undefined) {
    const why = port === undefined ? "not specified" : "non-numeric";
    errors.push(invalidValue(endAt, endPort, `may not be specified when \`port\` is ${why}`));
  }
  if (port !== undefined) append(errors, invalidFor(at.child("port"), port, isPortName(port)));
  return errors;
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, at: Path): FieldError[] {
  const errors = [
    ...validateLabelSelector(at.child("podSelector"), podSelector),
    ...validateLabelSelector(at.child("namespaceSelector"), namespaceSelector),
    ...(ipBlock ? validateIpBlock(ipBlock, at.child("ipBlock")) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(at, "must specify a peer"));
  if (ipBlock && (podSelector || namespaceSelector))
    errors.push(forbiddenField(at, "may not specify both ipBlock and another peer"));
  return errors;
}

function validateIpBlock({ cidr = "", except }: IPBlock, at: Path): FieldError[] {
  const cidrAt = at.child("cidr");
  if (cidr === "") return requiredField(cidrAt, cidr);
  const whole = parseCidr(cidr);
  if (!whole) return invalidFor(cidrAt, cidr, isCidr(cidr));
  return eachItem(at.child("except"), except, (text, place) => {
    const part = parseCidr(text);
    if (!part) return invalidFor(place, text, isCidr(text));
    return cidrContains(whole, part.address) && whole.prefixLength < part.prefixLength
      ? []
      : [invalidValue(place, text, "must be a strict subset of `cidr`")];
  });
}
