// The examples of Kubernetes' documentation of its libraries: https://kubernetes.io/docs/reference/using-api/cel/
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AuthorizationCheck,
  authorizerType,
  authorizerValue,
  CompileError,
  compile,
  dynType,
  Environment,
  patchObject,
  requestResourceValue,
  resourceCheckType,
  toJson,
} from "./index.ts";

const environment = new Environment({ variables: {} });

function evaluate(expression: string): unknown {
  const result = compile(expression, environment).evaluate({});
  return "error" in result ? `error: ${result.error.message}` : toJson(result.value);
}

function holds(name: string, expressions: readonly string[]): void {
  test(name, () => {
    for (const expression of expressions) assert.equal(evaluate(expression), true, expression);
  });
}

function fails(name: string, expressions: readonly (readonly [expression: string, message: RegExp])[]): void {
  test(name, () => {
    for (const [expression, message] of expressions) assert.match(String(evaluate(expression)), message, expression);
  });
}

holds("lists are searched, summed and compared", [
  "[1, 2, 3].isSorted() && ![2.0, 1.0].isSorted() && [].isSorted()",
  "[1, 3].sum() == 4 && [1.0, 3.0].sum() == 4.0 && [].sum() == 0",
  "[duration('1m'), duration('1s')].sum() == duration('1m1s')",
  "[1, 3].min() == 1 && ['a', 'c', 'b'].max() == 'c'",
  "[1, 2, 2, 3].indexOf(2) == 1 && ['a', 'b', 'b', 'c'].lastIndexOf('b') == 2 && [1.0].indexOf(1.1) == -1",
]);
fails("an empty list has no smallest item", [["[].min()", /min called on empty list/]]);

holds("sets do without order", [
  "sets.contains([1, 2, 3, 4], [2, 3]) && !sets.contains([1], [2])",
  "sets.equivalent([1, 2, 2], [2, 1]) && !sets.equivalent([1], [1, 2])",
  "sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [])",
]);

holds("patterns find what they match", [
  "'abc 123'.find('[0-9]*') == ''",
  "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('xyz') == ''",
  "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '123 abc 456'.findAll('[0-9]+', 1) == ['123']",
  "'123 abc 456'.findAll('xyz') == []",
]);

holds("URLs have parts", [
  "url('https://user:pass@example.com:80/path?query=val#fragment').getHost() == 'example.com:80'",
  "isURL('/absolute-path') && !isURL('https://a:b:c/') && !isURL('../relative-path')",
  "url('/path').getScheme() == '' && url('https://example.com/').getScheme() == 'https'",
  "url('https://[::1]:80/').getHost() == '[::1]:80' && url('https://[::1]:80/').getHostname() == '::1'",
  "url('https://example.com:80/').getPort() == '80' && url('/path').getPort() == ''",
  "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
  "url('https://example.com').getEscapedPath() == ''",
  "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
  "url('https://example.com/path?').getQuery() == {}",
]);

holds("quantities count", [
  "isQuantity('1.3Gi') && !isQuantity('1,3G') && !isQuantity('200K') && !isQuantity('Three')",
  "quantity('50k').asInteger() == 50000 && quantity('50000000G').isInteger()",
  "!quantity('9999999999999999999999999999999999999G').isInteger() && !quantity('1m').isInteger()",
  "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
  "quantity('50k').sub(20000).asApproximateFloat() == 30000.0",
  "quantity('200M').compareTo(quantity('0.2G')) == 0 && quantity('50Mi').compareTo(quantity('50M')) == 1",
  "quantity('50M').isLessThan(quantity('100M')) && quantity('150Mi').isGreaterThan(quantity('100Mi'))",
  "quantity('-1').sign() == -1 && quantity('0').sign() == 0",
]);
fails("what is no quantity is an error", [
  ["quantity('Three')", /quantities must match the regular expression/],
  ["quantity('9999999999999999999999999999999999999G').asInteger()", /cannot convert value to integer/],
]);

holds("addresses and networks are what they are, not texts", [
  "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP(':::1')",
  "!isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0') && !isIP('127.0.0.01')",
  "ip.isCanonical('127.0.0.1') && !ip.isCanonical('2001:DB8::ABCD') && !ip.isCanonical('2001:db8::0:0:0:abcd')",
  "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6 && ip('::').isUnspecified()",
  "ip('::1').isLoopback() && !ip('192.168.0.1').isLoopback() && ip('fe80::1').isLinkLocalUnicast()",
  "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
  "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
  "ip('2001:DB8::1') == ip('2001:db8:0::1') && string(ip('2001:DB8::1')) == '2001:db8::1'",
  "isCIDR('192.168.0.0/16') && !isCIDR('192.168.0.0/33') && !isCIDR('::1/129')",
  "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
  "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('192.168.1.0/24').containsCIDR(cidr('192.168.2.0/24'))",
  "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && cidr('192.168.0.1/24') != cidr('192.168.0.0/24')",
  "cidr('::1/128').ip() == ip('::1') && cidr('::1/128').prefixLength() == 128",
  "type(ip('::1')) == net.IP && type(cidr('::/0')) == net.CIDR",
]);

holds("named formats say what is wrong", [
  "!format.dns1123Label().validate('my-label-name').hasValue()",
  "format.dns1123Label().validate('my_label').value()[0].startsWith('a lowercase RFC 1123 label must consist')",
  "!format.dns1123LabelPrefix().validate('my-label-prefix-').hasValue()",
  "format.named('qualifiedName').value().validate('apiextensions.k8s.io/v1beta1') == optional.none()",
  "!format.named('unknown').hasValue()",
  "format.uuid().validate('123').value() == ['does not match the UUID format']",
  "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
  "!format.byte().validate('aGVsbG8=').hasValue() && format.byte().validate('aGVsbG8').hasValue() == false",
  "!format.date().validate('2021-01-01').hasValue() && format.date().validate('2021-02-30').hasValue()",
  "!format.datetime().validate('2021-01-01T00:00:00Z').hasValue()",
  "!format.uri().validate('http://example.com').hasValue() && format.uri().validate('../x').hasValue()",
]);

holds("versions are ordered by their meaning", [
  "isSemver('1.0.0') && !isSemver('hello') && !isSemver('v1.0') && isSemver('v1.0', true)",
  "semver('01.01.01', true) == semver('1.1.1') && semver('v1.0', true).compareTo(semver('1.0.0')) == 0",
  "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
  "semver('1.0.0-alpha').isLessThan(semver('1.0.0')) && semver('1.0.0-alpha.2').isLessThan(semver('1.0.0-alpha.10'))",
  "semver('2.0.0').isGreaterThan(semver('1.9.9')) && semver('1.0.0+a') == semver('1.0.0+b')",
]);

test("an authorizer is asked once for each check, and waited for", async () => {
  const asked: AuthorizationCheck[] = [];
  const authorizer = authorizerValue(async (check) => {
    asked.push(check);
    return { allowed: check.verb === "get", reason: `for ${check.verb}` };
  });
  const program = compile(
    "authorizer.group('apps').resource('deployments').namespace('a').name('b').check('get').allowed() && " +
      "authorizer.serviceAccount('a', 'robot').path('/healthz').check('post').reason() == 'for post'",
    new Environment({ variables: { authorizer: authorizerType } }),
  );
  const result = await program.evaluateWaiting({ authorizer });
  assert.ok("value" in result);
  assert.equal(result.value, true);
  assert.deepEqual(asked, [
    {
      subject: "requester",
      verb: "get",
      resource: {
        group: "apps",
        resource: "deployments",
        subresource: "",
        namespace: "a",
        name: "b",
        fieldSelector: "",
        labelSelector: "",
      },
    },
    { subject: { namespace: "a", serviceAccount: "robot" }, verb: "post", path: "/healthz" },
  ]);
});

test("an expression may make two checks, not three", async () => {
  const authorizer = authorizerValue(() => ({ allowed: true, reason: "" }));
  const check = (verb: string) => `authorizer.path('/x').check('${verb}').allowed()`;
  const options = new Environment({ variables: { authorizer: authorizerType } });
  const two = compile(`${check("a")} && ${check("b")}`, options).evaluate({ authorizer });
  assert.ok("value" in two);
  const three = compile(`${check("a")} && ${check("b")} && ${check("c")}`, options).evaluate({ authorizer });
  assert.ok("error" in three);
});

test("authorizer.requestResource asks about the request itself", () => {
  const asked: AuthorizationCheck[] = [];
  const authorizer = authorizerValue((check) => {
    asked.push(check);
    return { allowed: true, reason: "" };
  });
  const resource = { group: "", resource: "pods", subresource: "", namespace: "a", name: "b" };
  const program = compile(
    "authorizer.requestResource.check('custom').allowed()",
    new Environment({
      variables: { authorizer: authorizerType, "authorizer.requestResource": resourceCheckType },
    }),
  );
  const bindings = { authorizer, "authorizer.requestResource": requestResourceValue(authorizer, resource) };
  assert.ok("value" in program.evaluate(bindings));
  assert.equal(asked[0]?.resource?.name, "b");
});

const patching = new Environment({ variables: { object: dynType }, makesPatches: true });

test("a mutation makes JSON patches", () => {
  const result = compile(
    "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/a~b'), value: 'x'}]",
    patching,
  ).evaluate({});
  assert.ok("value" in result);
  assert.deepEqual(toJson(result.value), [{ op: "add", path: "/metadata/labels/example.com~1a~0b", value: "x" }]);
});

test("a mutation makes objects that are named by their paths", () => {
  const result = compile(
    "Object{spec: Object.spec{replicas: object.spec.replicas + 1, ?paused: optional.none()}}",
    patching,
  ).evaluate({ object: { spec: { replicas: 2 } } });
  assert.ok("value" in result);
  assert.deepEqual(patchObject(result.value), { spec: { replicas: 3 } });
  const misnamed = compile("Object{spec: Object.metadata{name: 'x'}}", patching).evaluate({ object: {} });
  assert.ok("value" in misnamed);
  assert.throws(() => patchObject(misnamed.value), /unexpected type name "Object.metadata", expected "Object.spec"/);
});

test("what cannot be read is refused before it runs", () => {
  for (const [expression, message] of [
    ["duration('1x')", /invalid duration argument/],
    ["timestamp('yesterday')", /invalid timestamp argument/],
    ["'a'.matches('(')", /invalid matches argument/],
  ] as const)
    assert.throws(
      () => compile(expression, environment),
      (error) => error instanceof CompileError && message.test(error.message),
    );
});
