import sys

import pycurl

SOCKS5_AUTH = 267  # pycurl has no name for it
GSSAPI = 4

proxy, url, nec = sys.argv[1:]
curl = pycurl.Curl()
curl.setopt(pycurl.URL, url)
curl.setopt(pycurl.PROXY, proxy)
curl.setopt(pycurl.TIMEOUT, 60)
curl.setopt(pycurl.WRITEFUNCTION, sys.stdout.buffer.write)
curl.setopt(SOCKS5_AUTH, GSSAPI)
curl.setopt(pycurl.SOCKS5_GSSAPI_SERVICE, "rcmd")
curl.setopt(pycurl.SOCKS5_GSSAPI_NEC, int(nec))
curl.perform()
