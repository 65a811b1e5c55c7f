"""Confluent's serdes for Python as the other side: reads a list of calls (JSON), prints the list of their answers.

A call writes a value (its answer: the bytes, base64) or reads bytes (its answer: the value as JSON)."""
import base64
import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

LABELS = {"one": Field.LABEL_OPTIONAL, "many": Field.LABEL_REPEATED}


def add_fields(message, *fields):
    for number, (name, label, kind, *rest) in enumerate(fields, 1):
        field = message.field.add(name=name, number=number, label=LABELS[label])
        if kind.startswith("."):
            field.type, field.type_name = (Field.TYPE_ENUM if kind == ".shop.State" else Field.TYPE_MESSAGE), kind
        else:
            field.type = getattr(Field, f"TYPE_{kind}")
        if rest:
            field.oneof_index = rest[0]


def files():
    """item.proto and cart.proto of schema-registry.e2e.ts, as protoc would give them: the entries of maps are messages among the others."""
    item = descriptor_pb2.FileDescriptorProto(name="item.proto", package="shop", syntax="proto3")
    add_fields(item.message_type.add(name="Item"), ("sku", "one", "STRING"))
    imports = ["item.proto", "google/protobuf/timestamp.proto"]
    file = descriptor_pb2.FileDescriptorProto(name="cart.proto", package="shop", syntax="proto3", dependency=imports)
    state = file.enum_type.add(name="State")
    state.value.add(name="NEW", number=0)
    state.value.add(name="PAID", number=1)
    add_fields(file.message_type.add(name="Other"), ("a", "one", "INT32"))
    cart = file.message_type.add(name="Cart")
    notes = cart.nested_type.add(name="NotesEntry")
    notes.options.map_entry = True
    add_fields(notes, ("key", "one", "STRING"), ("value", "one", "INT64"))
    add_fields(cart.nested_type.add(name="Line"), ("text", "one", "STRING"), ("deltas", "many", "SINT32"))
    cart.oneof_decl.add(name="pay")
    add_fields(
        cart,
        ("items", "many", ".shop.Item"),
        ("placed_at", "one", ".google.protobuf.Timestamp"),
        ("notes", "many", ".shop.Cart.NotesEntry"),
        ("line", "one", ".shop.Cart.Line"),
        ("states", "many", ".shop.State"),
        ("card", "one", "STRING", 0),
        ("token", "one", "BYTES", 0),
        ("big", "one", "FIXED64"),
    )
    return [item, file]


pool = descriptor_pool.Default()
assert timestamp_pb2.DESCRIPTOR is not None
for each in files():
    pool.AddSerializedFile(each.SerializeToString())


def run(client, call):
    context = SerializationContext(call["topic"], MessageField.VALUE)
    references = [SchemaReference(**each) for each in call.get("references", [])]
    schema = Schema(call["schema"], call["format"], references) if "schema" in call else None
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(call["message"])) if "message" in call else None
    if "value" in call:
        if call["format"] == "AVRO":
            written = AvroSerializer(client, schema)(call["value"], context)
        elif call["format"] == "JSON":
            written = JSONSerializer(schema, client)(call["value"], context)
        else:
            value = json_format.ParseDict(call["value"], message())
            written = ProtobufSerializer(message, client, {"use.deprecated.format": False})(value, context)
        return base64.b64encode(written).decode()
    data = base64.b64decode(call["bytes"])
    if call["format"] == "AVRO":
        return AvroDeserializer(client, schema)(data, context)
    if call["format"] == "JSON":
        return JSONDeserializer(schema, schema_registry_client=client)(data, context)
    # without a registry: it would want the schema as a descriptor, which not every registry gives
    return json_format.MessageToDict(ProtobufDeserializer(message, {"use.deprecated.format": False})(data, context))


configuration = json.loads(sys.argv[1])
client = SchemaRegistryClient(configuration)
json.dump([run(client, call) for call in json.load(sys.stdin)], sys.stdout)
