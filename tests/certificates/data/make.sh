#!/bin/sh
# Makes the certificates that no library signs any more, or does not make: run once with OpenSSL 3.0, results committed.
# Each file is a chain for the device pump-1, valid for 100 years, right in all but the one point that it is called after.
set -e
work=$(mktemp -d)
here=$(cd "$(dirname "$0")" && pwd)
cd "$work"
cat > ca.ext <<'X'
[ca]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical, CA:true, pathlen:10
keyUsage = digitalSignature, cRLSign, keyCertSign
[device]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer
basicConstraints = critical, CA:false
keyUsage = nonRepudiation, digitalSignature, keyEncipherment
[req]
distinguished_name = dn
[dn]
X
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -config ca.ext -extensions ca -new -key ca.key -sha256 -days 36500 -subj "/CN=Test CA" -out ca.pem
openssl genrsa -out rsaca.key 2048
openssl req -x509 -config ca.ext -extensions ca -new -key rsaca.key -sha256 -days 36500 -subj "/CN=Test RSA CA" -out rsaca.pem

device() { # name, device key, ca, further options
    openssl req -new -config ca.ext -key "$2" -subj "/CN=pump-1" -out device.csr
    name=$1 ca=$3
    shift 3
    openssl x509 -req -in device.csr -CA "$ca.pem" -CAkey "$ca.key" -set_serial 0x1000 -days 36500 "$@" -out device.pem
    cat device.pem "$ca.pem" > "$here/$name.pem"
}
profile="-extfile ca.ext -extensions device"
openssl ecparam -name prime256v1 -genkey -noout -out device.key
openssl genrsa -out rsa1024.key 1024
openssl genrsa -out rsa512.key 512
openssl ecparam -name prime192v1 -genkey -noout -out p192.key
openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -out dsa.par
openssl genpkey -paramfile dsa.par -out dsa.key
device version1 device.key ca -sha256
device sha1 device.key ca -sha1 $profile
device md5 device.key rsaca -md5 $profile
device rsa1024 rsa1024.key ca -sha256 $profile
device rsa512 rsa512.key ca -sha256 $profile
device p192 p192.key ca -sha256 $profile
device dsa dsa.key ca -sha256 $profile
