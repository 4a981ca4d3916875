require "openssl"

TOLERANCE = 5 * 60

# Raises an error when the webhook is not signed with the secret, or was sent more than five minutes
# ago. `body` is the request's body as it came, before any parsing; the names in `headers` are in
# lower case.
def verify(body, headers, secret)
  key = secret.delete_prefix("whsec_").unpack1("m0")
  raise ArgumentError, "the secret is empty" if key.empty?

  id, timestamp = headers.fetch("webhook-id"), headers.fetch("webhook-timestamp")
  age = Time.now.to_i - Integer(timestamp, 10)
  raise ArgumentError, "the webhook is too old or too new" if age.abs > TOLERANCE

  signed = "#{id}.#{timestamp}.".b + body.b
  expected = "v1," + [OpenSSL::HMAC.digest("SHA256", key, signed)].pack("m0")
  # The comparison takes the same time wherever the two differ.
  matches = headers.fetch("webhook-signature").split.any? { |it| OpenSSL.secure_compare(it, expected) }
  raise ArgumentError, "no signature matches" unless matches
end
