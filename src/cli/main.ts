// The command line. Each command is loaded when it is called: `roder up` should not pay for what it does not use.
import { Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../lib/index.ts";
import { programPath } from "./program-path.ts";

interface DirectoryOption {
  readonly dataDir?: string;
}

function wholeNumber(from: number, to: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to) {
      throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
    }
    return value;
  };
}

/** `A,B`: A and B. */
function names(text: string): readonly string[] {
  return text.split(",").flatMap((each) => each.trim() || []);
}

function clusterName(text: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError("It must be up to 32 lower-case letters, digits and hyphens.");
  }
  return text;
}

const dataDirectory = () =>
  new Option(
    "--data-dir <directory>",
    "where the cluster is kept (default: /var/lib/roder, for users a place in their home)",
  );

// Whatever a command calls: a user's PATH may lack where the system keeps it.
process.env.PATH = programPath(process.env.PATH);

const program = new Command("roder")
  .description("Kubernetes on this machine: a whole cluster with one command.")
  .showHelpAfterError("(roder --help tells what there is)")
  .exitOverride();

program
  .command("up")
  .description("start the cluster, or what of it has stopped; installs what is missing")
  .addOption(dataDirectory())
  .option("--name <name>", "the cluster's name, and that of its kubeconfig context", clusterName)
  .option("--port <port>", "the port of the API server (6443)", wholeNumber(1, 65_535))
  .option("--kubeconfig <file>", "write this kubeconfig (default: add a context to ~/.kube/config and make it current)")
  .option(
    "--nodes <count>",
    "nodes on this machine: 1, or 0 for a control plane that needs no root (1)",
    wholeNumber(0, 1),
  )
  .option("--hollow-nodes <count>", "simulated nodes beside them, on which pods are pretended", wholeNumber(0, 10_000))
  .option("--profile <file>", "how simulated nodes and what runs on them behave (docs/simulation.md)")
  .option("--pod-range <range>", "the addresses of pods (10.42.0.0/16)")
  .option("--service-range <range>", "the addresses of services (10.43.0.0/16)")
  .option("--bind-address <address>", "where the API server listens (0.0.0.0; 127.0.0.1 without nodes)")
  .option("--audit-policy <file>", "write an audit log by this policy (audit.k8s.io/v1)")
  .option("--enable-admission-plugins <names>", "turn these admission plugins on beside the default ones", names)
  .option("--disable-admission-plugins <names>", "turn these off; an empty list turns all of them on again", names)
  .option("--admission-config <file>", "what admission plugins go by (AdmissionConfiguration)")
  .option("--encryption-config <file>", "encrypt what this says in the store (EncryptionConfiguration)")
  .option("--scheduler-config <file>", "how pods are placed (KubeSchedulerConfiguration)")
  .option("--scheduler-plugins <files>", "modules with scheduling plugins; an empty list takes all away again", names)
  .action(async (options) => (await import("./up.ts")).up(options));

program
  .command("down")
  .description("stop the cluster's processes and containers; its data stays")
  .addOption(dataDirectory())
  .action(async (options: DirectoryOption) => (await import("./down.ts")).down(options));

program
  .command("reset")
  .description("stop the cluster and remove everything that it made, its data too")
  .addOption(dataDirectory())
  .action(async (options: DirectoryOption) => (await import("./reset.ts")).reset(options));

program
  .command("status")
  .description("show components, versions, endpoints and what was found on the machine")
  .addOption(dataDirectory())
  .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
  .action(async (options) => (await import("./status.ts")).status(options));

program
  .command("logs")
  .description("print what a component wrote")
  .argument("[component]", "server, node, hollow or containerd (all of them when left out)")
  .option("-f, --follow", "go on with what it writes from now on")
  .option("-n, --lines <count>", "only the last lines", wholeNumber(0, 1_000_000))
  .addOption(dataDirectory())
  .action(async (component: string | undefined, options) => (await import("./logs.ts")).logs(component, options));

const image = program.command("image").description("the images of the cluster's node");
image
  .command("load")
  .description("take in the images of an archive (OCI layout or docker save)")
  .argument("<file>", "the archive")
  .addOption(dataDirectory())
  .action(async (file: string, options: DirectoryOption) => (await import("./image.ts")).loadImage(file, options));
image
  .command("ls")
  .description("list the images")
  .addOption(dataDirectory())
  .action(async (options: DirectoryOption) => (await import("./image.ts")).listImages(options));
image
  .command("rm")
  .description("remove an image")
  .argument("<image>", "its name or id")
  .addOption(dataDirectory())
  .action(async (name: string, options: DirectoryOption) => (await import("./image.ts")).removeImage(name, options));

program
  .command("why")
  .description("print why a pod is on its node, or on none: what every rule says of every node")
  .argument("<pod>", "pod/NAME")
  .option("-n, --namespace <namespace>", "the pod's namespace", "default")
  .option("--kubeconfig <file>", "ask the cluster of this kubeconfig, as its user")
  .addOption(dataDirectory())
  .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
  .action(async (pod: string, options) => (await import("./why.ts")).why(pod, options));

program
  .command("demo")
  .description("deploy an example and print where it can be opened")
  .argument("<example>", "guestbook")
  .addOption(dataDirectory())
  .action(async (example: string, options: DirectoryOption) => (await import("./demo.ts")).demo(example, options));

program
  .command("version")
  .description("print Roder's version")
  .action(async () => (await import("./version.ts")).printVersion());

// The processes of a cluster; `roder up` starts them.
program
  .command("server", { hidden: true })
  .addOption(dataDirectory().makeOptionMandatory())
  .action(async ({ dataDir }: { dataDir: string }) =>
    (await import("../cluster/server-process.ts")).runServer(dataDir),
  );
program
  .command("node", { hidden: true })
  .addOption(dataDirectory().makeOptionMandatory())
  .action(async ({ dataDir }: { dataDir: string }) => (await import("../cluster/node-process.ts")).runNode(dataDir));

program
  .command("hollow", { hidden: true })
  .addOption(dataDirectory().makeOptionMandatory())
  .action(async ({ dataDir }: { dataDir: string }) =>
    (await import("../cluster/hollow-process.ts")).runHollowNodes(dataDir),
  );

/** The clock's timers keep no process alive; a command lives until it is done. */
const alive = setInterval(() => {}, 60_000);
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = 1;
  if (error instanceof UserError) console.error(`roder: ${error.message}`);
  else if (error instanceof Error && "exitCode" in error && typeof error.exitCode === "number") {
    // commander has said what was wrong, or printed the help that was asked for.
    process.exitCode = error.exitCode;
  } else {
    console.error("roder: this is a defect of Roder; please report it with what follows");
    console.error(error);
  }
} finally {
  clearInterval(alive);
}
