/** The names that the certificate of a front proxy may have: kubeadm's --requestheader-allowed-names. */
export const frontProxyNames: readonly string[] = ["front-proxy-client"];
