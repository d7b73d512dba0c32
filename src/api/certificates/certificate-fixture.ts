// Certificates and requests for tests, made with openssl and with keys that nobody kept. All are PEM in base64, as the
// API carries bytes.

/** Base64 of DER. All but the first are for CN=carl or CN=carl,O=devs alone. */
export const requestBodies = {
  /** With a name and an address besides. */
  ecdsaP256:
    "MIIBDjCBtAIBADAeMQ0wCwYDVQQDDARjYXJsMQ0wCwYDVQQKDARkZXZzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPE/59yKu/cjPhwpFE7zkLv2SWb2q56SZVI694Ii5oWnjoVC3Spk8o3RxVsDucs1eiEnZ2QHl1Lxy45I46C9LsaA0MDIGCSqGSIb3DQEJDjElMCMwIQYDVR0RBBowGIIQY2FybC5leGFtcGxlLmNvbYcECgAAATAKBggqhkjOPQQDAgNJADBGAiEAvuJiV5u33inm3J4ftnPIpH+jVdgeBPGX27F+hC2Sf9wCIQDq8ntkfxCfLVzxJIHE1tTWPoRGRrBRGskj/7gGViCqwA==",
  ecdsaP384:
    "MIIBFTCBnQIBADAeMQ0wCwYDVQQDDARjYXJsMQ0wCwYDVQQKDARkZXZzMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEgNBF3dSe0wqWqDMTRBwb0NHg0R6vu2JCCMAPX9IMP5nPIDByrXNVqigbeq/E5b5yxZon6vFAIAjdxWj0fgohj2hA/ZcPZTSjY24aup4o30jzxI6qg9cWaoAS+Wbk93mxoAAwCgYIKoZIzj0EAwIDZwAwZAIwbgmJiS/dVE0SQxzSoHtCWtuHcPkT/HonJXeWs7F2qKf3X5YYWDUFP5tupBqsQU1EAjAubKWrtwB5l1FILuZOtAb2K67WXU+5ifRt+CzMW/RwAq1AiElc+VZZTgQIVTiubgU=",
  ed25519:
    "MIGdMFECAQAwHjENMAsGA1UEAwwEY2FybDENMAsGA1UECgwEZGV2czAqMAUGAytlcAMhAMtAyWHLyfiDlxczf84QsD/0ibwCx1LRAnOcJXGxwuC0oAAwBQYDK2VwA0EAvPEHjB7psg5EgqxWMSCiPmdS9wFnJqf4I2kCmq8d2XRjvdEagFNhqKPUxVP6aOnlgMUwbCxSfKNCzyrnTct2Cg==",
  rsaSha1:
    "MIIBTjCBuAIBADAPMQ0wCwYDVQQDDARjYXJsMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDW7/e33+IXtVvSLAiftzX6mMVFHHLNLCZXDjUHV2enpgTnhqHIPWaaTpFvGQQu2FYVzW5/cLvx/jL6bPK3r+4j5TdjVYmj11CuQ9oncuQ1dWCBy4WBgz2S4gCkCBSQrWMz26BXNfzkNDfEFqQCk/ePvZY8Nx6snFSS6m22WvBn9QIDAQABoAAwDQYJKoZIhvcNAQEFBQADgYEAIIlehozI8OpSnvpmSFVyNuzYkXrp5nK1K5BSc7PX+OOOBezuAOhTuFcH68R3uKasX3kKbGP0T8no9LS4rk5pyPyrSYBXuYY2aYASUnVsOiKXfqTvAzufFM2AkzwZ+RUXxW4S7o2qrgtjFdAS5BtRLxEEostqVEPwJLSCtA8OucA=",
  rsaSha256:
    "MIIBXTCBxwIBADAeMQ0wCwYDVQQDDARjYXJsMQ0wCwYDVQQKDARkZXZzMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCjTzjOWKpJnRIOtlZ2/7hYAqY0yLEL82fOS7ZMYHplLdTim9OVzaJ508IIinl/qGFb4gewOOx/bYCrqGYEcLeM9BVEryLuiYtSm7vnMh8nprcQL8HI87VzlfcvMDQwO0kh9of1jL+bQP23XoQR6MAWDUCj4B2Z6tIaWSB9is6nFwIDAQABoAAwDQYJKoZIhvcNAQELBQADgYEAHq/WS1QYbI01n+N04ZHVDlshIH72qQ6jLRSreutM1xdOVkuJXFFhsGn10IJ5pW6jIOyLFspqEsq8bThyhoN+472jEgMngizDL1Xms5rAWj5Nn1PFS+BqtEcU0aSd6HH4MrYHyLcfT5AqIKmrwofY9nb6F3cWNiTIimrC8qwU8Ms=",
  rsaPss:
    "MIIBgjCBuAIBADAPMQ0wCwYDVQQDDARjYXJsMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWSY0LD2L15R4QSPFBqrj3f8mlhpkkUdhDc1N4/G+baGiIQkl89Io04hprxR4CqKEdQzb/QDJduU/ByeFaIseA5F6JdM9i9nwc3gE5NgQaTnvSb42DSgYFdpLnOTQEaDGEZ2xEEpFDtxznj7bdqdRUvL7NiFfMTA3HT/H9DU1OUQIDAQABoAAwQQYJKoZIhvcNAQEKMDSgDzANBglghkgBZQMEAgEFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgEFAKIDAgEgA4GBAB+MZh71YA+4GTMX3GyN81Oy8mncUJIU8guTfsMuQP2I1aTZHMl3cBfhkBW2jXxnsmcP+HcJcL+5vvFQ/UwFcwoABxy3iImDKkry0EWC82WDpMy8Vu/kVj0qP4mR409PEKGj7R05EPp5Pi6Yd6jHG5DiDx7eMgy4eWLsTywQ1j1I",
};

const certificateBody =
  "MIIBkzCCATmgAwIBAgIUHIdMuVdcRg9cLP0NfihLTy/ZOQYwCgYIKoZIzj0EAwIwHjENMAsGA1UEAwwEY2FybDENMAsGA1UECgwEZGV2czAgFw0yNjExMjEyMzQ0NTJaGA8yMTI2MTAyODIzNDQ1MlowHjENMAsGA1UEAwwEY2FybDENMAsGA1UECgwEZGV2czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCZ0FC5SroI9RdEkUYpgrEGwWaGPYZ/sJmLWj1EsZNBFlPmxErEsqlKwGwb4o+L+ezbCLgVb69bhzWQaacULGRyjUzBRMB0GA1UdDgQWBBRNrsnbwBCO1tkSzQLe0vk/BnD0OTAfBgNVHSMEGDAWgBRNrsnbwBCO1tkSzQLe0vk/BnD0OTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIGEVuVL3pr6IsE1Lp+OTbzgdBJ3ungclGJbTnluXaTCBAiEA9GCW4hfoazs3iad65rIe5nXQ2bLUJLFNjHxzH4oT3fo=";

export function certificateRequest(body = requestBodies.ecdsaP256): string {
  return encodedPem("CERTIFICATE REQUEST", body);
}

export function selfSignedCertificate(body = certificateBody): string {
  return encodedPem("CERTIFICATE", body);
}

export function encodedPem(type: string, body: string): string {
  return btoa(`-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`);
}

/** The body with other bytes instead of those at `at`. */
export function withBytes(body: string, at: number, ...bytes: readonly number[]): string {
  const changed = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  changed.set(bytes, at);
  return btoa(String.fromCharCode(...changed));
}
