# What programs in Ruby do with kubeclient, as Debian packages it. Run by client-libraries.e2e.ts, one scenario a run.
require "kubeclient"

NAMESPACE = "default".freeze
CONTEXT = Kubeclient::Config.read(ENV.fetch("KUBECONFIG")).context

def client(path)
  options = { ssl_options: CONTEXT.ssl_options, auth_options: CONTEXT.auth_options }
  Kubeclient::Client.new(CONTEXT.api_endpoint + path, "v1", **options)
end

def equal(found, wanted)
  raise "#{found.inspect} is not #{wanted.inspect}" unless found == wanted
end

def refused(code, message)
  yield
rescue Kubeclient::HttpError => e
  equal([e.error_code, e.message], [code, message])
else
  raise "not refused with #{code}"
end

def resource(name, **fields)
  Kubeclient::Resource.new(metadata: { name: name, namespace: NAMESPACE, labels: { of: "ruby" } }, **fields)
end

def objects
  core = client("")
  made = core.create_config_map(resource("ruby", data: { a: "1" }))
  refused(409, 'configmaps "ruby" already exists') { core.create_config_map(resource("ruby")) }
  made.data.b = "2"
  equal(core.update_config_map(made).data.to_h, { a: "1", b: "2" })
  changed = "the object has been modified; please apply your changes to the latest version and try again"
  refused(409, "Operation cannot be fulfilled on configmaps \"ruby\": #{changed}") { core.update_config_map(made) }
  equal(core.patch_config_map("ruby", { data: { c: "3" } }, NAMESPACE).data.c, "3")
  equal(core.merge_patch_config_map("ruby", { data: { c: nil } }, NAMESPACE).data.to_h, { a: "1", b: "2" })
  step = [{ op: "remove", path: "/data/a" }]
  equal(core.json_patch_config_map("ruby", step, NAMESPACE).data.to_h, { b: "2" })
  core.create_config_map(resource("second"))
  names = []
  token = nil
  loop do
    page = core.get_config_maps(namespace: NAMESPACE, label_selector: "of=ruby", limit: 1, continue: token)
    names.concat(page.map { |each| each.metadata.name })
    break if page.last?

    token = page.continue
  end
  equal(names, %w[ruby second])
  equal(core.delete_config_map("second", NAMESPACE).status, "Success")
  core.delete_config_map("ruby", NAMESPACE)
  refused(404, 'configmaps "ruby" not found') { core.get_config_map("ruby", NAMESPACE) }
end

def watches
  core = client("")
  version = core.get_config_maps(namespace: NAMESPACE).resourceVersion
  seen = []
  watcher = Thread.new do
    core.watch_config_maps(namespace: NAMESPACE, label_selector: "of=ruby", resource_version: version) do |notice|
      seen << notice.type
      break if notice.type == "DELETED"
    end
  end
  core.create_config_map(resource("seen"))
  core.patch_config_map("seen", { data: { a: "1" } }, NAMESPACE)
  core.delete_config_map("seen", NAMESPACE)
  watcher.join(60)
  equal(seen, %w[ADDED MODIFIED DELETED])
end

# Every kind is asked for in the namespace, and those that are in none are not there.
def entities
  found = client("").all_entities(namespace: NAMESPACE)
  equal(found.key?("service"), true)
  equal(found.values_at("node", "namespace", "persistent_volume"), [nil, nil, nil])
end

def custom_resources
  extensions = client("/apis/apiextensions.k8s.io")
  size = { type: "object", properties: { size: { type: "integer", minimum: 1 } } }
  schema = { openAPIV3Schema: { type: "object", properties: { spec: size, status: size } } }
  extensions.create_custom_resource_definition(
    Kubeclient::Resource.new(
      metadata: { name: "gears.ruby.example.com" },
      spec: {
        group: "ruby.example.com",
        scope: "Namespaced",
        names: { plural: "gears", kind: "Gear" },
        versions: [{ name: "v1", served: true, storage: true, subresources: { status: {} }, schema: schema }]
      }
    )
  )
  extensions.watch_custom_resource_definitions(name: "gears.ruby.example.com") do |notice|
    conditions = notice.object.status&.conditions || []
    break if conditions.any? { |each| each.type == "Established" && each.status == "True" }
  end
  gears = client("/apis/ruby.example.com")
  at_least = "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
  refused(422, "Gear.ruby.example.com \"big\" is invalid: #{at_least}") do
    gears.create_gear(resource("big", spec: { size: 0 }))
  end
  gear = gears.create_gear(resource("big", spec: { size: 4 }))
  gear.status = { size: 4 }
  equal(gears.update_gear(gear).status, nil)
  equal(gears.merge_patch_gear("big/status", { status: { size: 4 } }, NAMESPACE).status.size, 4)
  extensions.delete_custom_resource_definition("gears.ruby.example.com")
end

send(ARGV.fetch(0))
