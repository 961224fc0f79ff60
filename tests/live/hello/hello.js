// The hello-world device of the vendor's MQTT guide for Node.js, on mqtt.js: creates itself, measures, restarts.
// Usage: node hello.js mqtt://host:port

"use strict";

const mqtt = require("mqtt");

const clientId = "my_mqtt_nodejs_client";
const client = mqtt.connect(process.argv[2], { clientId, protocolVersion: 4, clean: true });

function publish(topic, message, then) {
  client.publish(topic, message, { qos: 1 }, (error) => {
    if (error) throw error;
    if (then) then();
  });
}

client.once("connect", () => {
  publish("s/us", "100,Node.js MQTT,c8y_MQTTDevice", () => {
    publish("s/us", "110,S123456789,MQTT test model,Rev0.1", () => {
      publish("s/us", "114,c8y_Restart", () => {
        client.subscribe("s/ds", { qos: 1 }, () => publish("s/us", "500"));
      });
      setInterval(() => publish("s/us", "211," + (10 + Math.random() * 10)), 200);
    });
  });
});

client.on("message", (topic, message) => {
  console.log(`Received operation "${message}"`);
  if (message.toString().startsWith("510")) {
    publish("s/us", "501,c8y_Restart", () => setTimeout(() => publish("s/us", "503,c8y_Restart"), 100));
  }
});

client.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
