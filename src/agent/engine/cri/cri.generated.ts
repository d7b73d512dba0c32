// Made by scripts/generate-protobuf.ts; do not edit.

/** The messages and services of package runtime.v1, in protobufjs' JSON form. */
export const criMessages = {
  AttachRequest: {"fields":{"container_id":{"type":"string","id":1},"stdin":{"type":"bool","id":2},"tty":{"type":"bool","id":3},"stdout":{"type":"bool","id":4},"stderr":{"type":"bool","id":5}}},
  AttachResponse: {"fields":{"url":{"type":"string","id":1}}},
  AuthConfig: {"fields":{"username":{"type":"string","id":1},"password":{"type":"string","id":2},"auth":{"type":"string","id":3},"server_address":{"type":"string","id":4},"identity_token":{"type":"string","id":5},"registry_token":{"type":"string","id":6}}},
  CDIDevice: {"fields":{"name":{"type":"string","id":1}}},
  Capability: {"fields":{"add_capabilities":{"rule":"repeated","type":"string","id":1},"drop_capabilities":{"rule":"repeated","type":"string","id":2},"add_ambient_capabilities":{"rule":"repeated","type":"string","id":3}}},
  Container: {"fields":{"id":{"type":"string","id":1},"pod_sandbox_id":{"type":"string","id":2},"metadata":{"type":"ContainerMetadata","id":3},"image":{"type":"ImageSpec","id":4},"image_ref":{"type":"string","id":5},"state":{"type":"ContainerState","id":6},"created_at":{"type":"int64","id":7},"labels":{"keyType":"string","type":"string","id":8},"annotations":{"keyType":"string","type":"string","id":9},"image_id":{"type":"string","id":10}}},
  ContainerAttributes: {"fields":{"id":{"type":"string","id":1},"metadata":{"type":"ContainerMetadata","id":2},"labels":{"keyType":"string","type":"string","id":3},"annotations":{"keyType":"string","type":"string","id":4}}},
  ContainerConfig: {"fields":{"metadata":{"type":"ContainerMetadata","id":1},"image":{"type":"ImageSpec","id":2},"command":{"rule":"repeated","type":"string","id":3},"args":{"rule":"repeated","type":"string","id":4},"working_dir":{"type":"string","id":5},"envs":{"rule":"repeated","type":"KeyValue","id":6},"mounts":{"rule":"repeated","type":"Mount","id":7},"devices":{"rule":"repeated","type":"Device","id":8},"labels":{"keyType":"string","type":"string","id":9},"annotations":{"keyType":"string","type":"string","id":10},"log_path":{"type":"string","id":11},"stdin":{"type":"bool","id":12},"stdin_once":{"type":"bool","id":13},"tty":{"type":"bool","id":14},"linux":{"type":"LinuxContainerConfig","id":15},"CDI_devices":{"rule":"repeated","type":"CDIDevice","id":17},"stop_signal":{"type":"Signal","id":18}}},
  ContainerEventResponse: {"fields":{"container_id":{"type":"string","id":1},"container_event_type":{"type":"ContainerEventType","id":2},"created_at":{"type":"int64","id":3},"pod_sandbox_status":{"type":"PodSandboxStatus","id":4},"containers_statuses":{"rule":"repeated","type":"ContainerStatus","id":5}}},
  ContainerEventType: {"values":{"CONTAINER_CREATED_EVENT":0,"CONTAINER_STARTED_EVENT":1,"CONTAINER_STOPPED_EVENT":2,"CONTAINER_DELETED_EVENT":3}},
  ContainerFilter: {"fields":{"id":{"type":"string","id":1},"state":{"type":"ContainerStateValue","id":2},"pod_sandbox_id":{"type":"string","id":3},"label_selector":{"keyType":"string","type":"string","id":4}}},
  ContainerMetadata: {"fields":{"name":{"type":"string","id":1},"attempt":{"type":"uint32","id":2}}},
  ContainerResources: {"fields":{"linux":{"type":"LinuxContainerResources","id":1}}},
  ContainerState: {"values":{"CONTAINER_CREATED":0,"CONTAINER_RUNNING":1,"CONTAINER_EXITED":2,"CONTAINER_UNKNOWN":3}},
  ContainerStateValue: {"fields":{"state":{"type":"ContainerState","id":1}}},
  ContainerStats: {"fields":{"attributes":{"type":"ContainerAttributes","id":1},"cpu":{"type":"CpuUsage","id":2},"memory":{"type":"MemoryUsage","id":3},"writable_layer":{"type":"FilesystemUsage","id":4},"swap":{"type":"SwapUsage","id":5},"io":{"type":"IoUsage","id":6}}},
  ContainerStatsFilter: {"fields":{"id":{"type":"string","id":1},"pod_sandbox_id":{"type":"string","id":2},"label_selector":{"keyType":"string","type":"string","id":3}}},
  ContainerStatus: {"fields":{"id":{"type":"string","id":1},"metadata":{"type":"ContainerMetadata","id":2},"state":{"type":"ContainerState","id":3},"created_at":{"type":"int64","id":4},"started_at":{"type":"int64","id":5},"finished_at":{"type":"int64","id":6},"exit_code":{"type":"int32","id":7},"image":{"type":"ImageSpec","id":8},"image_ref":{"type":"string","id":9},"reason":{"type":"string","id":10},"message":{"type":"string","id":11},"labels":{"keyType":"string","type":"string","id":12},"annotations":{"keyType":"string","type":"string","id":13},"mounts":{"rule":"repeated","type":"Mount","id":14},"log_path":{"type":"string","id":15},"resources":{"type":"ContainerResources","id":16},"image_id":{"type":"string","id":17},"user":{"type":"ContainerUser","id":18},"stop_signal":{"type":"Signal","id":19}}},
  ContainerStatusRequest: {"fields":{"container_id":{"type":"string","id":1},"verbose":{"type":"bool","id":2}}},
  ContainerStatusResponse: {"fields":{"status":{"type":"ContainerStatus","id":1},"info":{"keyType":"string","type":"string","id":2}}},
  ContainerUser: {"fields":{"linux":{"type":"LinuxContainerUser","id":1}}},
  CpuUsage: {"fields":{"timestamp":{"type":"int64","id":1},"usage_core_nano_seconds":{"type":"UInt64Value","id":2},"usage_nano_cores":{"type":"UInt64Value","id":3},"psi":{"type":"PsiStats","id":4}}},
  CreateContainerRequest: {"fields":{"pod_sandbox_id":{"type":"string","id":1},"config":{"type":"ContainerConfig","id":2},"sandbox_config":{"type":"PodSandboxConfig","id":3}}},
  CreateContainerResponse: {"fields":{"container_id":{"type":"string","id":1}}},
  DNSConfig: {"fields":{"servers":{"rule":"repeated","type":"string","id":1},"searches":{"rule":"repeated","type":"string","id":2},"options":{"rule":"repeated","type":"string","id":3}}},
  Device: {"fields":{"container_path":{"type":"string","id":1},"host_path":{"type":"string","id":2},"permissions":{"type":"string","id":3}}},
  ExecRequest: {"fields":{"container_id":{"type":"string","id":1},"cmd":{"rule":"repeated","type":"string","id":2},"tty":{"type":"bool","id":3},"stdin":{"type":"bool","id":4},"stdout":{"type":"bool","id":5},"stderr":{"type":"bool","id":6}}},
  ExecResponse: {"fields":{"url":{"type":"string","id":1}}},
  ExecSyncRequest: {"fields":{"container_id":{"type":"string","id":1},"cmd":{"rule":"repeated","type":"string","id":2},"timeout":{"type":"int64","id":3}}},
  ExecSyncResponse: {"fields":{"stdout":{"type":"bytes","id":1},"stderr":{"type":"bytes","id":2},"exit_code":{"type":"int32","id":3}}},
  FilesystemIdentifier: {"fields":{"mountpoint":{"type":"string","id":1}}},
  FilesystemUsage: {"fields":{"timestamp":{"type":"int64","id":1},"fs_id":{"type":"FilesystemIdentifier","id":2},"used_bytes":{"type":"UInt64Value","id":3},"inodes_used":{"type":"UInt64Value","id":4}}},
  GetEventsRequest: {"fields":{}},
  HugepageLimit: {"fields":{"page_size":{"type":"string","id":1},"limit":{"type":"uint64","id":2}}},
  IDMapping: {"fields":{"host_id":{"type":"uint32","id":1},"container_id":{"type":"uint32","id":2},"length":{"type":"uint32","id":3}}},
  Image: {"fields":{"id":{"type":"string","id":1},"repo_tags":{"rule":"repeated","type":"string","id":2},"repo_digests":{"rule":"repeated","type":"string","id":3},"size":{"type":"uint64","id":4},"uid":{"type":"Int64Value","id":5},"username":{"type":"string","id":6},"spec":{"type":"ImageSpec","id":7},"pinned":{"type":"bool","id":8}}},
  ImageFilter: {"fields":{"image":{"type":"ImageSpec","id":1}}},
  ImageFsInfoRequest: {"fields":{}},
  ImageFsInfoResponse: {"fields":{"image_filesystems":{"rule":"repeated","type":"FilesystemUsage","id":1},"container_filesystems":{"rule":"repeated","type":"FilesystemUsage","id":2}}},
  ImageService: {"methods":{"ListImages":{"requestType":"ListImagesRequest","responseType":"ListImagesResponse"},"ImageStatus":{"requestType":"ImageStatusRequest","responseType":"ImageStatusResponse"},"PullImage":{"requestType":"PullImageRequest","responseType":"PullImageResponse"},"RemoveImage":{"requestType":"RemoveImageRequest","responseType":"RemoveImageResponse"},"ImageFsInfo":{"requestType":"ImageFsInfoRequest","responseType":"ImageFsInfoResponse"}}},
  ImageSpec: {"fields":{"image":{"type":"string","id":1},"annotations":{"keyType":"string","type":"string","id":2},"user_specified_image":{"type":"string","id":18},"runtime_handler":{"type":"string","id":19}}},
  ImageStatusRequest: {"fields":{"image":{"type":"ImageSpec","id":1},"verbose":{"type":"bool","id":2}}},
  ImageStatusResponse: {"fields":{"image":{"type":"Image","id":1},"info":{"keyType":"string","type":"string","id":2}}},
  Int64Value: {"fields":{"value":{"type":"int64","id":1}}},
  IoUsage: {"fields":{"timestamp":{"type":"int64","id":1},"psi":{"type":"PsiStats","id":2}}},
  KeyValue: {"fields":{"key":{"type":"string","id":1},"value":{"type":"bytes","id":2}}},
  LinuxContainerConfig: {"fields":{"resources":{"type":"LinuxContainerResources","id":1},"security_context":{"type":"LinuxContainerSecurityContext","id":2}}},
  LinuxContainerResources: {"fields":{"cpu_period":{"type":"int64","id":1},"cpu_quota":{"type":"int64","id":2},"cpu_shares":{"type":"int64","id":3},"memory_limit_in_bytes":{"type":"int64","id":4},"oom_score_adj":{"type":"int64","id":5},"cpuset_cpus":{"type":"string","id":6},"cpuset_mems":{"type":"string","id":7},"hugepage_limits":{"rule":"repeated","type":"HugepageLimit","id":8},"unified":{"keyType":"string","type":"string","id":9},"memory_swap_limit_in_bytes":{"type":"int64","id":10}}},
  LinuxContainerSecurityContext: {"fields":{"capabilities":{"type":"Capability","id":1},"privileged":{"type":"bool","id":2},"namespace_options":{"type":"NamespaceOption","id":3},"selinux_options":{"type":"SELinuxOption","id":4},"run_as_user":{"type":"Int64Value","id":5},"run_as_group":{"type":"Int64Value","id":12},"run_as_username":{"type":"string","id":6},"readonly_rootfs":{"type":"bool","id":7},"supplemental_groups":{"rule":"repeated","type":"int64","id":8},"supplemental_groups_policy":{"type":"SupplementalGroupsPolicy","id":17},"no_new_privs":{"type":"bool","id":11},"masked_paths":{"rule":"repeated","type":"string","id":13},"readonly_paths":{"rule":"repeated","type":"string","id":14},"seccomp":{"type":"SecurityProfile","id":15},"apparmor":{"type":"SecurityProfile","id":16},"apparmor_profile":{"type":"string","id":9},"seccomp_profile_path":{"type":"string","id":10}}},
  LinuxContainerUser: {"fields":{"uid":{"type":"int64","id":1},"gid":{"type":"int64","id":2},"supplemental_groups":{"rule":"repeated","type":"int64","id":3}}},
  LinuxPodSandboxConfig: {"fields":{"cgroup_parent":{"type":"string","id":1},"security_context":{"type":"LinuxSandboxSecurityContext","id":2},"sysctls":{"keyType":"string","type":"string","id":3},"overhead":{"type":"LinuxContainerResources","id":4},"resources":{"type":"LinuxContainerResources","id":5}}},
  LinuxPodSandboxStatus: {"fields":{"namespaces":{"type":"Namespace","id":1}}},
  LinuxSandboxSecurityContext: {"fields":{"namespace_options":{"type":"NamespaceOption","id":1},"selinux_options":{"type":"SELinuxOption","id":2},"run_as_user":{"type":"Int64Value","id":3},"run_as_group":{"type":"Int64Value","id":8},"readonly_rootfs":{"type":"bool","id":4},"supplemental_groups":{"rule":"repeated","type":"int64","id":5},"supplemental_groups_policy":{"type":"SupplementalGroupsPolicy","id":11},"privileged":{"type":"bool","id":6},"seccomp":{"type":"SecurityProfile","id":9},"apparmor":{"type":"SecurityProfile","id":10},"seccomp_profile_path":{"type":"string","id":7}}},
  ListContainerStatsRequest: {"fields":{"filter":{"type":"ContainerStatsFilter","id":1}}},
  ListContainerStatsResponse: {"fields":{"stats":{"rule":"repeated","type":"ContainerStats","id":1}}},
  ListContainersRequest: {"fields":{"filter":{"type":"ContainerFilter","id":1}}},
  ListContainersResponse: {"fields":{"containers":{"rule":"repeated","type":"Container","id":1}}},
  ListImagesRequest: {"fields":{"filter":{"type":"ImageFilter","id":1}}},
  ListImagesResponse: {"fields":{"images":{"rule":"repeated","type":"Image","id":1}}},
  ListPodSandboxRequest: {"fields":{"filter":{"type":"PodSandboxFilter","id":1}}},
  ListPodSandboxResponse: {"fields":{"items":{"rule":"repeated","type":"PodSandbox","id":1}}},
  MemoryUsage: {"fields":{"timestamp":{"type":"int64","id":1},"working_set_bytes":{"type":"UInt64Value","id":2},"available_bytes":{"type":"UInt64Value","id":3},"usage_bytes":{"type":"UInt64Value","id":4},"rss_bytes":{"type":"UInt64Value","id":5},"page_faults":{"type":"UInt64Value","id":6},"major_page_faults":{"type":"UInt64Value","id":7},"psi":{"type":"PsiStats","id":8}}},
  Mount: {"fields":{"container_path":{"type":"string","id":1},"host_path":{"type":"string","id":2},"readonly":{"type":"bool","id":3},"selinux_relabel":{"type":"bool","id":4},"propagation":{"type":"MountPropagation","id":5},"uidMappings":{"rule":"repeated","type":"IDMapping","id":6},"gidMappings":{"rule":"repeated","type":"IDMapping","id":7},"recursive_read_only":{"type":"bool","id":8},"image":{"type":"ImageSpec","id":9},"image_sub_path":{"type":"string","id":10}}},
  MountPropagation: {"values":{"PROPAGATION_PRIVATE":0,"PROPAGATION_HOST_TO_CONTAINER":1,"PROPAGATION_BIDIRECTIONAL":2}},
  Namespace: {"fields":{}},
  NamespaceMode: {"values":{"POD":0,"CONTAINER":1,"NODE":2,"TARGET":3}},
  NamespaceOption: {"fields":{"network":{"type":"NamespaceMode","id":1},"pid":{"type":"NamespaceMode","id":2},"ipc":{"type":"NamespaceMode","id":3},"target_id":{"type":"string","id":4},"userns_options":{"type":"UserNamespace","id":5}}},
  PodIP: {"fields":{"ip":{"type":"string","id":1}}},
  PodSandbox: {"fields":{"id":{"type":"string","id":1},"metadata":{"type":"PodSandboxMetadata","id":2},"state":{"type":"PodSandboxState","id":3},"created_at":{"type":"int64","id":4},"labels":{"keyType":"string","type":"string","id":5},"annotations":{"keyType":"string","type":"string","id":6},"runtime_handler":{"type":"string","id":7}}},
  PodSandboxConfig: {"fields":{"metadata":{"type":"PodSandboxMetadata","id":1},"hostname":{"type":"string","id":2},"log_directory":{"type":"string","id":3},"dns_config":{"type":"DNSConfig","id":4},"port_mappings":{"rule":"repeated","type":"PortMapping","id":5},"labels":{"keyType":"string","type":"string","id":6},"annotations":{"keyType":"string","type":"string","id":7},"linux":{"type":"LinuxPodSandboxConfig","id":8}}},
  PodSandboxFilter: {"fields":{"id":{"type":"string","id":1},"state":{"type":"PodSandboxStateValue","id":2},"label_selector":{"keyType":"string","type":"string","id":3}}},
  PodSandboxMetadata: {"fields":{"name":{"type":"string","id":1},"uid":{"type":"string","id":2},"namespace":{"type":"string","id":3},"attempt":{"type":"uint32","id":4}}},
  PodSandboxNetworkStatus: {"fields":{"ip":{"type":"string","id":1},"additional_ips":{"rule":"repeated","type":"PodIP","id":2}}},
  PodSandboxState: {"values":{"SANDBOX_READY":0,"SANDBOX_NOTREADY":1}},
  PodSandboxStateValue: {"fields":{"state":{"type":"PodSandboxState","id":1}}},
  PodSandboxStatus: {"fields":{"id":{"type":"string","id":1},"metadata":{"type":"PodSandboxMetadata","id":2},"state":{"type":"PodSandboxState","id":3},"created_at":{"type":"int64","id":4},"network":{"type":"PodSandboxNetworkStatus","id":5},"linux":{"type":"LinuxPodSandboxStatus","id":6},"labels":{"keyType":"string","type":"string","id":7},"annotations":{"keyType":"string","type":"string","id":8},"runtime_handler":{"type":"string","id":9}}},
  PodSandboxStatusRequest: {"fields":{"pod_sandbox_id":{"type":"string","id":1},"verbose":{"type":"bool","id":2}}},
  PodSandboxStatusResponse: {"fields":{"status":{"type":"PodSandboxStatus","id":1},"info":{"keyType":"string","type":"string","id":2},"containers_statuses":{"rule":"repeated","type":"ContainerStatus","id":3},"timestamp":{"type":"int64","id":4}}},
  PortForwardRequest: {"fields":{"pod_sandbox_id":{"type":"string","id":1},"port":{"rule":"repeated","type":"int32","id":2}}},
  PortForwardResponse: {"fields":{"url":{"type":"string","id":1}}},
  PortMapping: {"fields":{"protocol":{"type":"Protocol","id":1},"container_port":{"type":"int32","id":2},"host_port":{"type":"int32","id":3},"host_ip":{"type":"string","id":4}}},
  Protocol: {"values":{"TCP":0,"UDP":1,"SCTP":2}},
  PsiData: {"fields":{"Total":{"type":"uint64","id":1},"Avg10":{"type":"double","id":2},"Avg60":{"type":"double","id":3},"Avg300":{"type":"double","id":4}}},
  PsiStats: {"fields":{"Full":{"type":"PsiData","id":1},"Some":{"type":"PsiData","id":2}}},
  PullImageRequest: {"fields":{"image":{"type":"ImageSpec","id":1},"auth":{"type":"AuthConfig","id":2},"sandbox_config":{"type":"PodSandboxConfig","id":3}}},
  PullImageResponse: {"fields":{"image_ref":{"type":"string","id":1}}},
  RemoveContainerRequest: {"fields":{"container_id":{"type":"string","id":1}}},
  RemoveContainerResponse: {"fields":{}},
  RemoveImageRequest: {"fields":{"image":{"type":"ImageSpec","id":1}}},
  RemoveImageResponse: {"fields":{}},
  RemovePodSandboxRequest: {"fields":{"pod_sandbox_id":{"type":"string","id":1}}},
  RemovePodSandboxResponse: {"fields":{}},
  ReopenContainerLogRequest: {"fields":{"container_id":{"type":"string","id":1}}},
  ReopenContainerLogResponse: {"fields":{}},
  RunPodSandboxRequest: {"fields":{"config":{"type":"PodSandboxConfig","id":1},"runtime_handler":{"type":"string","id":2}}},
  RunPodSandboxResponse: {"fields":{"pod_sandbox_id":{"type":"string","id":1}}},
  RuntimeCondition: {"fields":{"type":{"type":"string","id":1},"status":{"type":"bool","id":2},"reason":{"type":"string","id":3},"message":{"type":"string","id":4}}},
  RuntimeFeatures: {"fields":{"supplemental_groups_policy":{"type":"bool","id":1}}},
  RuntimeHandler: {"fields":{"name":{"type":"string","id":1},"features":{"type":"RuntimeHandlerFeatures","id":2}}},
  RuntimeHandlerFeatures: {"fields":{"recursive_read_only_mounts":{"type":"bool","id":1},"user_namespaces":{"type":"bool","id":2}}},
  RuntimeService: {"methods":{"Version":{"requestType":"VersionRequest","responseType":"VersionResponse"},"Status":{"requestType":"StatusRequest","responseType":"StatusResponse"},"RunPodSandbox":{"requestType":"RunPodSandboxRequest","responseType":"RunPodSandboxResponse"},"StopPodSandbox":{"requestType":"StopPodSandboxRequest","responseType":"StopPodSandboxResponse"},"RemovePodSandbox":{"requestType":"RemovePodSandboxRequest","responseType":"RemovePodSandboxResponse"},"PodSandboxStatus":{"requestType":"PodSandboxStatusRequest","responseType":"PodSandboxStatusResponse"},"ListPodSandbox":{"requestType":"ListPodSandboxRequest","responseType":"ListPodSandboxResponse"},"CreateContainer":{"requestType":"CreateContainerRequest","responseType":"CreateContainerResponse"},"StartContainer":{"requestType":"StartContainerRequest","responseType":"StartContainerResponse"},"StopContainer":{"requestType":"StopContainerRequest","responseType":"StopContainerResponse"},"RemoveContainer":{"requestType":"RemoveContainerRequest","responseType":"RemoveContainerResponse"},"ListContainers":{"requestType":"ListContainersRequest","responseType":"ListContainersResponse"},"ContainerStatus":{"requestType":"ContainerStatusRequest","responseType":"ContainerStatusResponse"},"UpdateContainerResources":{"requestType":"UpdateContainerResourcesRequest","responseType":"UpdateContainerResourcesResponse"},"ReopenContainerLog":{"requestType":"ReopenContainerLogRequest","responseType":"ReopenContainerLogResponse"},"ExecSync":{"requestType":"ExecSyncRequest","responseType":"ExecSyncResponse"},"Exec":{"requestType":"ExecRequest","responseType":"ExecResponse"},"Attach":{"requestType":"AttachRequest","responseType":"AttachResponse"},"PortForward":{"requestType":"PortForwardRequest","responseType":"PortForwardResponse"},"ListContainerStats":{"requestType":"ListContainerStatsRequest","responseType":"ListContainerStatsResponse"},"GetContainerEvents":{"requestType":"GetEventsRequest","responseType":"ContainerEventResponse","responseStream":true}}},
  RuntimeStatus: {"fields":{"conditions":{"rule":"repeated","type":"RuntimeCondition","id":1}}},
  SELinuxOption: {"fields":{"user":{"type":"string","id":1},"role":{"type":"string","id":2},"type":{"type":"string","id":3},"level":{"type":"string","id":4}}},
  SecurityProfile: {"fields":{"profile_type":{"type":"ProfileType","id":1},"localhost_ref":{"type":"string","id":2}},"nested":{"ProfileType":{"values":{"RuntimeDefault":0,"Unconfined":1,"Localhost":2}}}},
  Signal: {"values":{"RUNTIME_DEFAULT":0,"SIGABRT":1,"SIGALRM":2,"SIGBUS":3,"SIGCHLD":4,"SIGCLD":5,"SIGCONT":6,"SIGFPE":7,"SIGHUP":8,"SIGILL":9,"SIGINT":10,"SIGIO":11,"SIGIOT":12,"SIGKILL":13,"SIGPIPE":14,"SIGPOLL":15,"SIGPROF":16,"SIGPWR":17,"SIGQUIT":18,"SIGSEGV":19,"SIGSTKFLT":20,"SIGSTOP":21,"SIGSYS":22,"SIGTERM":23,"SIGTRAP":24,"SIGTSTP":25,"SIGTTIN":26,"SIGTTOU":27,"SIGURG":28,"SIGUSR1":29,"SIGUSR2":30,"SIGVTALRM":31,"SIGWINCH":32,"SIGXCPU":33,"SIGXFSZ":34,"SIGRTMIN":35,"SIGRTMINPLUS1":36,"SIGRTMINPLUS2":37,"SIGRTMINPLUS3":38,"SIGRTMINPLUS4":39,"SIGRTMINPLUS5":40,"SIGRTMINPLUS6":41,"SIGRTMINPLUS7":42,"SIGRTMINPLUS8":43,"SIGRTMINPLUS9":44,"SIGRTMINPLUS10":45,"SIGRTMINPLUS11":46,"SIGRTMINPLUS12":47,"SIGRTMINPLUS13":48,"SIGRTMINPLUS14":49,"SIGRTMINPLUS15":50,"SIGRTMAXMINUS14":51,"SIGRTMAXMINUS13":52,"SIGRTMAXMINUS12":53,"SIGRTMAXMINUS11":54,"SIGRTMAXMINUS10":55,"SIGRTMAXMINUS9":56,"SIGRTMAXMINUS8":57,"SIGRTMAXMINUS7":58,"SIGRTMAXMINUS6":59,"SIGRTMAXMINUS5":60,"SIGRTMAXMINUS4":61,"SIGRTMAXMINUS3":62,"SIGRTMAXMINUS2":63,"SIGRTMAXMINUS1":64,"SIGRTMAX":65}},
  StartContainerRequest: {"fields":{"container_id":{"type":"string","id":1}}},
  StartContainerResponse: {"fields":{}},
  StatusRequest: {"fields":{"verbose":{"type":"bool","id":1}}},
  StatusResponse: {"fields":{"status":{"type":"RuntimeStatus","id":1},"info":{"keyType":"string","type":"string","id":2},"runtime_handlers":{"rule":"repeated","type":"RuntimeHandler","id":3},"features":{"type":"RuntimeFeatures","id":4}}},
  StopContainerRequest: {"fields":{"container_id":{"type":"string","id":1},"timeout":{"type":"int64","id":2}}},
  StopContainerResponse: {"fields":{}},
  StopPodSandboxRequest: {"fields":{"pod_sandbox_id":{"type":"string","id":1}}},
  StopPodSandboxResponse: {"fields":{}},
  SupplementalGroupsPolicy: {"values":{"Merge":0,"Strict":1}},
  SwapUsage: {"fields":{"timestamp":{"type":"int64","id":1},"swap_available_bytes":{"type":"UInt64Value","id":2},"swap_usage_bytes":{"type":"UInt64Value","id":3}}},
  UInt64Value: {"fields":{"value":{"type":"uint64","id":1}}},
  UpdateContainerResourcesRequest: {"fields":{"container_id":{"type":"string","id":1},"linux":{"type":"LinuxContainerResources","id":2},"annotations":{"keyType":"string","type":"string","id":4}}},
  UpdateContainerResourcesResponse: {"fields":{}},
  UserNamespace: {"fields":{"mode":{"type":"NamespaceMode","id":1},"uids":{"rule":"repeated","type":"IDMapping","id":2},"gids":{"rule":"repeated","type":"IDMapping","id":3}}},
  VersionRequest: {"fields":{"version":{"type":"string","id":1}}},
  VersionResponse: {"fields":{"version":{"type":"string","id":1},"runtime_name":{"type":"string","id":2},"runtime_version":{"type":"string","id":3},"runtime_api_version":{"type":"string","id":4}}},
};

/** Request and answer of each method. */
export interface CriMethods {
  readonly "ImageService/ListImages": readonly [ListImagesRequest, ListImagesResponse];
  readonly "ImageService/ImageStatus": readonly [ImageStatusRequest, ImageStatusResponse];
  readonly "ImageService/PullImage": readonly [PullImageRequest, PullImageResponse];
  readonly "ImageService/RemoveImage": readonly [RemoveImageRequest, RemoveImageResponse];
  readonly "ImageService/ImageFsInfo": readonly [ImageFsInfoRequest, ImageFsInfoResponse];
  readonly "RuntimeService/Version": readonly [VersionRequest, VersionResponse];
  readonly "RuntimeService/Status": readonly [StatusRequest, StatusResponse];
  readonly "RuntimeService/RunPodSandbox": readonly [RunPodSandboxRequest, RunPodSandboxResponse];
  readonly "RuntimeService/StopPodSandbox": readonly [StopPodSandboxRequest, StopPodSandboxResponse];
  readonly "RuntimeService/RemovePodSandbox": readonly [RemovePodSandboxRequest, RemovePodSandboxResponse];
  readonly "RuntimeService/PodSandboxStatus": readonly [PodSandboxStatusRequest, PodSandboxStatusResponse];
  readonly "RuntimeService/ListPodSandbox": readonly [ListPodSandboxRequest, ListPodSandboxResponse];
  readonly "RuntimeService/CreateContainer": readonly [CreateContainerRequest, CreateContainerResponse];
  readonly "RuntimeService/StartContainer": readonly [StartContainerRequest, StartContainerResponse];
  readonly "RuntimeService/StopContainer": readonly [StopContainerRequest, StopContainerResponse];
  readonly "RuntimeService/RemoveContainer": readonly [RemoveContainerRequest, RemoveContainerResponse];
  readonly "RuntimeService/ListContainers": readonly [ListContainersRequest, ListContainersResponse];
  readonly "RuntimeService/ContainerStatus": readonly [ContainerStatusRequest, ContainerStatusResponse];
  readonly "RuntimeService/UpdateContainerResources": readonly [UpdateContainerResourcesRequest, UpdateContainerResourcesResponse];
  readonly "RuntimeService/ReopenContainerLog": readonly [ReopenContainerLogRequest, ReopenContainerLogResponse];
  readonly "RuntimeService/ExecSync": readonly [ExecSyncRequest, ExecSyncResponse];
  readonly "RuntimeService/Exec": readonly [ExecRequest, ExecResponse];
  readonly "RuntimeService/Attach": readonly [AttachRequest, AttachResponse];
  readonly "RuntimeService/PortForward": readonly [PortForwardRequest, PortForwardResponse];
  readonly "RuntimeService/ListContainerStats": readonly [ListContainerStatsRequest, ListContainerStatsResponse];
  readonly "RuntimeService/GetContainerEvents": readonly [GetEventsRequest, ContainerEventResponse];
}

export interface AttachRequest {
  readonly container_id?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}
export interface AttachResponse {
  readonly url?: string;
}
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly server_address?: string;
  readonly identity_token?: string;
  readonly registry_token?: string;
}
export interface CDIDevice {
  readonly name?: string;
}
export interface Capability {
  readonly add_capabilities?: readonly string[];
  readonly drop_capabilities?: readonly string[];
  readonly add_ambient_capabilities?: readonly string[];
}
export interface Container {
  readonly id?: string;
  readonly pod_sandbox_id?: string;
  readonly metadata?: ContainerMetadata;
  readonly image?: ImageSpec;
  readonly image_ref?: string;
  readonly state?: ContainerState;
  readonly created_at?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly image_id?: string;
}
export interface ContainerAttributes {
  readonly id?: string;
  readonly metadata?: ContainerMetadata;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
export interface ContainerConfig {
  readonly metadata?: ContainerMetadata;
  readonly image?: ImageSpec;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly working_dir?: string;
  readonly envs?: readonly KeyValue[];
  readonly mounts?: readonly Mount[];
  readonly devices?: readonly Device[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly log_path?: string;
  readonly stdin?: boolean;
  readonly stdin_once?: boolean;
  readonly tty?: boolean;
  readonly linux?: LinuxContainerConfig;
  readonly CDI_devices?: readonly CDIDevice[];
  readonly stop_signal?: Signal;
}
export interface ContainerEventResponse {
  readonly container_id?: string;
  readonly container_event_type?: ContainerEventType;
  readonly created_at?: number;
  readonly pod_sandbox_status?: PodSandboxStatus;
  readonly containers_statuses?: readonly ContainerStatus[];
}
export type ContainerEventType = "CONTAINER_CREATED_EVENT" | "CONTAINER_STARTED_EVENT" | "CONTAINER_STOPPED_EVENT" | "CONTAINER_DELETED_EVENT";
export interface ContainerFilter {
  readonly id?: string;
  readonly state?: ContainerStateValue;
  readonly pod_sandbox_id?: string;
  readonly label_selector?: Readonly<Record<string, string>>;
}
export interface ContainerMetadata {
  readonly name?: string;
  readonly attempt?: number;
}
export interface ContainerResources {
  readonly linux?: LinuxContainerResources;
}
export type ContainerState = "CONTAINER_CREATED" | "CONTAINER_RUNNING" | "CONTAINER_EXITED" | "CONTAINER_UNKNOWN";
export interface ContainerStateValue {
  readonly state?: ContainerState;
}
export interface ContainerStats {
  readonly attributes?: ContainerAttributes;
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly writable_layer?: FilesystemUsage;
  readonly swap?: SwapUsage;
  readonly io?: IoUsage;
}
export interface ContainerStatsFilter {
  readonly id?: string;
  readonly pod_sandbox_id?: string;
  readonly label_selector?: Readonly<Record<string, string>>;
}
export interface ContainerStatus {
  readonly id?: string;
  readonly metadata?: ContainerMetadata;
  readonly state?: ContainerState;
  readonly created_at?: number;
  readonly started_at?: number;
  readonly finished_at?: number;
  readonly exit_code?: number;
  readonly image?: ImageSpec;
  readonly image_ref?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  readonly log_path?: string;
  readonly resources?: ContainerResources;
  readonly image_id?: string;
  readonly user?: ContainerUser;
  readonly stop_signal?: Signal;
}
export interface ContainerStatusRequest {
  readonly container_id?: string;
  readonly verbose?: boolean;
}
export interface ContainerStatusResponse {
  readonly status?: ContainerStatus;
  readonly info?: Readonly<Record<string, string>>;
}
export interface ContainerUser {
  readonly linux?: LinuxContainerUser;
}
export interface CpuUsage {
  readonly timestamp?: number;
  readonly usage_core_nano_seconds?: UInt64Value;
  readonly usage_nano_cores?: UInt64Value;
  readonly psi?: PsiStats;
}
export interface CreateContainerRequest {
  readonly pod_sandbox_id?: string;
  readonly config?: ContainerConfig;
  readonly sandbox_config?: PodSandboxConfig;
}
export interface CreateContainerResponse {
  readonly container_id?: string;
}
export interface DNSConfig {
  readonly servers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly string[];
}
export interface Device {
  readonly container_path?: string;
  readonly host_path?: string;
  readonly permissions?: string;
}
export interface ExecRequest {
  readonly container_id?: string;
  readonly cmd?: readonly string[];
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}
export interface ExecResponse {
  readonly url?: string;
}
export interface ExecSyncRequest {
  readonly container_id?: string;
  readonly cmd?: readonly string[];
  readonly timeout?: number;
}
export interface ExecSyncResponse {
  readonly stdout?: Uint8Array;
  readonly stderr?: Uint8Array;
  readonly exit_code?: number;
}
export interface FilesystemIdentifier {
  readonly mountpoint?: string;
}
export interface FilesystemUsage {
  readonly timestamp?: number;
  readonly fs_id?: FilesystemIdentifier;
  readonly used_bytes?: UInt64Value;
  readonly inodes_used?: UInt64Value;
}
export type GetEventsRequest = Readonly<Record<never, never>>;
export interface HugepageLimit {
  readonly page_size?: string;
  readonly limit?: number;
}
export interface IDMapping {
  readonly host_id?: number;
  readonly container_id?: number;
  readonly length?: number;
}
export interface Image {
  readonly id?: string;
  readonly repo_tags?: readonly string[];
  readonly repo_digests?: readonly string[];
  readonly size?: number;
  readonly uid?: Int64Value;
  readonly username?: string;
  readonly spec?: ImageSpec;
  readonly pinned?: boolean;
}
export interface ImageFilter {
  readonly image?: ImageSpec;
}
export type ImageFsInfoRequest = Readonly<Record<never, never>>;
export interface ImageFsInfoResponse {
  readonly image_filesystems?: readonly FilesystemUsage[];
  readonly container_filesystems?: readonly FilesystemUsage[];
}
export interface ImageSpec {
  readonly image?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly user_specified_image?: string;
  readonly runtime_handler?: string;
}
export interface ImageStatusRequest {
  readonly image?: ImageSpec;
  readonly verbose?: boolean;
}
export interface ImageStatusResponse {
  readonly image?: Image;
  readonly info?: Readonly<Record<string, string>>;
}
export interface Int64Value {
  readonly value?: number;
}
export interface IoUsage {
  readonly timestamp?: number;
  readonly psi?: PsiStats;
}
export interface KeyValue {
  readonly key?: string;
  readonly value?: Uint8Array;
}
export interface LinuxContainerConfig {
  readonly resources?: LinuxContainerResources;
  readonly security_context?: LinuxContainerSecurityContext;
}
export interface LinuxContainerResources {
  readonly cpu_period?: number;
  readonly cpu_quota?: number;
  readonly cpu_shares?: number;
  readonly memory_limit_in_bytes?: number;
  readonly oom_score_adj?: number;
  readonly cpuset_cpus?: string;
  readonly cpuset_mems?: string;
  readonly hugepage_limits?: readonly HugepageLimit[];
  readonly unified?: Readonly<Record<string, string>>;
  readonly memory_swap_limit_in_bytes?: number;
}
export interface LinuxContainerSecurityContext {
  readonly capabilities?: Capability;
  readonly privileged?: boolean;
  readonly namespace_options?: NamespaceOption;
  readonly selinux_options?: SELinuxOption;
  readonly run_as_user?: Int64Value;
  readonly run_as_group?: Int64Value;
  readonly run_as_username?: string;
  readonly readonly_rootfs?: boolean;
  readonly supplemental_groups?: readonly number[];
  readonly supplemental_groups_policy?: SupplementalGroupsPolicy;
  readonly no_new_privs?: boolean;
  readonly masked_paths?: readonly string[];
  readonly readonly_paths?: readonly string[];
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
  readonly apparmor_profile?: string;
  readonly seccomp_profile_path?: string;
}
export interface LinuxContainerUser {
  readonly uid?: number;
  readonly gid?: number;
  readonly supplemental_groups?: readonly number[];
}
export interface LinuxPodSandboxConfig {
  readonly cgroup_parent?: string;
  readonly security_context?: LinuxSandboxSecurityContext;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly overhead?: LinuxContainerResources;
  readonly resources?: LinuxContainerResources;
}
export interface LinuxPodSandboxStatus {
  readonly namespaces?: Namespace;
}
export interface LinuxSandboxSecurityContext {
  readonly namespace_options?: NamespaceOption;
  readonly selinux_options?: SELinuxOption;
  readonly run_as_user?: Int64Value;
  readonly run_as_group?: Int64Value;
  readonly readonly_rootfs?: boolean;
  readonly supplemental_groups?: readonly number[];
  readonly supplemental_groups_policy?: SupplementalGroupsPolicy;
  readonly privileged?: boolean;
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
  readonly seccomp_profile_path?: string;
}
export interface ListContainerStatsRequest {
  readonly filter?: ContainerStatsFilter;
}
export interface ListContainerStatsResponse {
  readonly stats?: readonly ContainerStats[];
}
export interface ListContainersRequest {
  readonly filter?: ContainerFilter;
}
export interface ListContainersResponse {
  readonly containers?: readonly Container[];
}
export interface ListImagesRequest {
  readonly filter?: ImageFilter;
}
export interface ListImagesResponse {
  readonly images?: readonly Image[];
}
export interface ListPodSandboxRequest {
  readonly filter?: PodSandboxFilter;
}
export interface ListPodSandboxResponse {
  readonly items?: readonly PodSandbox[];
}
export interface MemoryUsage {
  readonly timestamp?: number;
  readonly working_set_bytes?: UInt64Value;
  readonly available_bytes?: UInt64Value;
  readonly usage_bytes?: UInt64Value;
  readonly rss_bytes?: UInt64Value;
  readonly page_faults?: UInt64Value;
  readonly major_page_faults?: UInt64Value;
  readonly psi?: PsiStats;
}
export interface Mount {
  readonly container_path?: string;
  readonly host_path?: string;
  readonly readonly?: boolean;
  readonly selinux_relabel?: boolean;
  readonly propagation?: MountPropagation;
  readonly uidMappings?: readonly IDMapping[];
  readonly gidMappings?: readonly IDMapping[];
  readonly recursive_read_only?: boolean;
  readonly image?: ImageSpec;
  readonly image_sub_path?: string;
}
export type MountPropagation = "PROPAGATION_PRIVATE" | "PROPAGATION_HOST_TO_CONTAINER" | "PROPAGATION_BIDIRECTIONAL";
export type Namespace = Readonly<Record<never, never>>;
export type NamespaceMode = "POD" | "CONTAINER" | "NODE" | "TARGET";
export interface NamespaceOption {
  readonly network?: NamespaceMode;
  readonly pid?: NamespaceMode;
  readonly ipc?: NamespaceMode;
  readonly target_id?: string;
  readonly userns_options?: UserNamespace;
}
export interface PodIP {
  readonly ip?: string;
}
export interface PodSandbox {
  readonly id?: string;
  readonly metadata?: PodSandboxMetadata;
  readonly state?: PodSandboxState;
  readonly created_at?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runtime_handler?: string;
}
export interface PodSandboxConfig {
  readonly metadata?: PodSandboxMetadata;
  readonly hostname?: string;
  readonly log_directory?: string;
  readonly dns_config?: DNSConfig;
  readonly port_mappings?: readonly PortMapping[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: LinuxPodSandboxConfig;
}
export interface PodSandboxFilter {
  readonly id?: string;
  readonly state?: PodSandboxStateValue;
  readonly label_selector?: Readonly<Record<string, string>>;
}
export interface PodSandboxMetadata {
  readonly name?: string;
  readonly uid?: string;
  readonly namespace?: string;
  readonly attempt?: number;
}
export interface PodSandboxNetworkStatus {
  readonly ip?: string;
  readonly additional_ips?: readonly PodIP[];
}
export type PodSandboxState = "SANDBOX_READY" | "SANDBOX_NOTREADY";
export interface PodSandboxStateValue {
  readonly state?: PodSandboxState;
}
export interface PodSandboxStatus {
  readonly id?: string;
  readonly metadata?: PodSandboxMetadata;
  readonly state?: PodSandboxState;
  readonly created_at?: number;
  readonly network?: PodSandboxNetworkStatus;
  readonly linux?: LinuxPodSandboxStatus;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runtime_handler?: string;
}
export interface PodSandboxStatusRequest {
  readonly pod_sandbox_id?: string;
  readonly verbose?: boolean;
}
export interface PodSandboxStatusResponse {
  readonly status?: PodSandboxStatus;
  readonly info?: Readonly<Record<string, string>>;
  readonly containers_statuses?: readonly ContainerStatus[];
  readonly timestamp?: number;
}
export interface PortForwardRequest {
  readonly pod_sandbox_id?: string;
  readonly port?: readonly number[];
}
export interface PortForwardResponse {
  readonly url?: string;
}
export interface PortMapping {
  readonly protocol?: Protocol;
  readonly container_port?: number;
  readonly host_port?: number;
  readonly host_ip?: string;
}
export type Protocol = "TCP" | "UDP" | "SCTP";
export interface PsiData {
  readonly Total?: number;
  readonly Avg10?: number;
  readonly Avg60?: number;
  readonly Avg300?: number;
}
export interface PsiStats {
  readonly Full?: PsiData;
  readonly Some?: PsiData;
}
export interface PullImageRequest {
  readonly image?: ImageSpec;
  readonly auth?: AuthConfig;
  readonly sandbox_config?: PodSandboxConfig;
}
export interface PullImageResponse {
  readonly image_ref?: string;
}
export interface RemoveContainerRequest {
  readonly container_id?: string;
}
export type RemoveContainerResponse = Readonly<Record<never, never>>;
export interface RemoveImageRequest {
  readonly image?: ImageSpec;
}
export type RemoveImageResponse = Readonly<Record<never, never>>;
export interface RemovePodSandboxRequest {
  readonly pod_sandbox_id?: string;
}
export type RemovePodSandboxResponse = Readonly<Record<never, never>>;
export interface ReopenContainerLogRequest {
  readonly container_id?: string;
}
export type ReopenContainerLogResponse = Readonly<Record<never, never>>;
export interface RunPodSandboxRequest {
  readonly config?: PodSandboxConfig;
  readonly runtime_handler?: string;
}
export interface RunPodSandboxResponse {
  readonly pod_sandbox_id?: string;
}
export interface RuntimeCondition {
  readonly type?: string;
  readonly status?: boolean;
  readonly reason?: string;
  readonly message?: string;
}
export interface RuntimeFeatures {
  readonly supplemental_groups_policy?: boolean;
}
export interface RuntimeHandler {
  readonly name?: string;
  readonly features?: RuntimeHandlerFeatures;
}
export interface RuntimeHandlerFeatures {
  readonly recursive_read_only_mounts?: boolean;
  readonly user_namespaces?: boolean;
}
export interface RuntimeStatus {
  readonly conditions?: readonly RuntimeCondition[];
}
export interface SELinuxOption {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}
export type SecurityProfileProfileType = "RuntimeDefault" | "Unconfined" | "Localhost";
export interface SecurityProfile {
  readonly profile_type?: SecurityProfileProfileType;
  readonly localhost_ref?: string;
}
export type Signal = "RUNTIME_DEFAULT" | "SIGABRT" | "SIGALRM" | "SIGBUS" | "SIGCHLD" | "SIGCLD" | "SIGCONT" | "SIGFPE" | "SIGHUP" | "SIGILL" | "SIGINT" | "SIGIO" | "SIGIOT" | "SIGKILL" | "SIGPIPE" | "SIGPOLL" | "SIGPROF" | "SIGPWR" | "SIGQUIT" | "SIGSEGV" | "SIGSTKFLT" | "SIGSTOP" | "SIGSYS" | "SIGTERM" | "SIGTRAP" | "SIGTSTP" | "SIGTTIN" | "SIGTTOU" | "SIGURG" | "SIGUSR1" | "SIGUSR2" | "SIGVTALRM" | "SIGWINCH" | "SIGXCPU" | "SIGXFSZ" | "SIGRTMIN" | "SIGRTMINPLUS1" | "SIGRTMINPLUS2" | "SIGRTMINPLUS3" | "SIGRTMINPLUS4" | "SIGRTMINPLUS5" | "SIGRTMINPLUS6" | "SIGRTMINPLUS7" | "SIGRTMINPLUS8" | "SIGRTMINPLUS9" | "SIGRTMINPLUS10" | "SIGRTMINPLUS11" | "SIGRTMINPLUS12" | "SIGRTMINPLUS13" | "SIGRTMINPLUS14" | "SIGRTMINPLUS15" | "SIGRTMAXMINUS14" | "SIGRTMAXMINUS13" | "SIGRTMAXMINUS12" | "SIGRTMAXMINUS11" | "SIGRTMAXMINUS10" | "SIGRTMAXMINUS9" | "SIGRTMAXMINUS8" | "SIGRTMAXMINUS7" | "SIGRTMAXMINUS6" | "SIGRTMAXMINUS5" | "SIGRTMAXMINUS4" | "SIGRTMAXMINUS3" | "SIGRTMAXMINUS2" | "SIGRTMAXMINUS1" | "SIGRTMAX";
export interface StartContainerRequest {
  readonly container_id?: string;
}
export type StartContainerResponse = Readonly<Record<never, never>>;
export interface StatusRequest {
  readonly verbose?: boolean;
}
export interface StatusResponse {
  readonly status?: RuntimeStatus;
  readonly info?: Readonly<Record<string, string>>;
  readonly runtime_handlers?: readonly RuntimeHandler[];
  readonly features?: RuntimeFeatures;
}
export interface StopContainerRequest {
  readonly container_id?: string;
  readonly timeout?: number;
}
export type StopContainerResponse = Readonly<Record<never, never>>;
export interface StopPodSandboxRequest {
  readonly pod_sandbox_id?: string;
}
export type StopPodSandboxResponse = Readonly<Record<never, never>>;
export type SupplementalGroupsPolicy = "Merge" | "Strict";
export interface SwapUsage {
  readonly timestamp?: number;
  readonly swap_available_bytes?: UInt64Value;
  readonly swap_usage_bytes?: UInt64Value;
}
export interface UInt64Value {
  readonly value?: number;
}
export interface UpdateContainerResourcesRequest {
  readonly container_id?: string;
  readonly linux?: LinuxContainerResources;
  readonly annotations?: Readonly<Record<string, string>>;
}
export type UpdateContainerResourcesResponse = Readonly<Record<never, never>>;
export interface UserNamespace {
  readonly mode?: NamespaceMode;
  readonly uids?: readonly IDMapping[];
  readonly gids?: readonly IDMapping[];
}
export interface VersionRequest {
  readonly version?: string;
}
export interface VersionResponse {
  readonly version?: string;
  readonly runtime_name?: string;
  readonly runtime_version?: string;
  readonly runtime_api_version?: string;
}
