"""One builder per row that a device publishes.

Values of exactly the right types take a fast path; all others, right or wrong, go through the template.

Printed by tools/gen_templates.py from table.json: do not edit.
"""

# fmt: off
from builtins import type as kind
from datetime import datetime, timezone

from ._checked import checked, trimmed
from ._records import AdvancedSoftware, ParameterValue, SeriesValue, Software, SoftwareVersion

UTC = timezone.utc
BIG = 1e308  # every int below it is a finite float, too


class Builders:
    """What a device publishes, one builder per row; the signatures for readers are in the stub."""

    __slots__ = ()

    @staticmethod
    def create_device(device_name=None, device_type=None):
        """Row 100. Creates the device for this ClientId if it does not exist, with external ID type c8y_Serial. Safe to
        send on every boot.

        Parameters, as on the wire:

        * device_name (str, optional, default: MQTT Device <serialNumber>)
        * device_type (str, optional, default: c8y_MQTTDevice)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            100,myDevice,myType

        Source: MQTT static templates, 100, topic s/us.
        """
        if (device_name is None or kind(device_name) is str) and (device_type is None or kind(device_type) is str):
            if device_type:
                return ("100", device_name, device_type)
            if device_name:
                return ("100", device_name)
            return ("100",)
        return checked("100", (device_name, device_type))

    @staticmethod
    def create_child_device(child_id=None, device_name=None, device_type=None, is_child_device=None):
        """Row 101. Creates a child device of the device the topic addresses, if missing.

        Parameters, as on the wire:

        * child_id (str, mandatory)
        * device_name (str, optional, default: MQTT Device <serialNumber>)
        * device_type (str, optional, default: c8y_MQTTChildDevice)
        * is_child_device (bool, optional, default: true); child device marker, adds c8y_IsDevice; anything but true or
          false counts as true; added to the docs in 2025

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            101,uniqueChildId,myChildDevice,myChildType,true

        Source: MQTT static templates, 101, topic s/us.
        """
        if (
            kind(child_id) is str
            and child_id
            and (device_name is None or kind(device_name) is str)
            and (device_type is None or kind(device_type) is str)
            and (is_child_device is None or kind(is_child_device) is bool)
        ):
            if is_child_device is not None:
                return ("101", child_id, device_name, device_type, is_child_device)
            if device_type:
                return ("101", child_id, device_name, device_type)
            if device_name:
                return ("101", child_id, device_name)
            return ("101", child_id)
        return checked("101", (child_id, device_name, device_type, is_child_device))

    @staticmethod
    def create_service(service_id=None, service_type=None, service_name=None, service_status=None):
        """Row 102. Creates a software service under the addressed device (the template page does not name a topic; the
        fragment library shows s/us/<serviceId> for 102 and 104, thin-edge.io sends 102 to the parent device's topic).

        Parameters, as on the wire:

        * service_id (str, mandatory)
        * service_type (str, mandatory)
        * service_name (str, mandatory)
        * service_status (str, mandatory); up, down, unknown or a word of your own

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            102,myDatabaseDevice,systemd,DatabaseService,up

        Source: MQTT static templates, 102, topic s/us.
        """
        if (
            kind(service_id) is str
            and service_id
            and kind(service_type) is str
            and service_type
            and kind(service_name) is str
            and service_name
            and kind(service_status) is str
            and service_status
        ):
            return ("102", service_id, service_type, service_name, service_status)
        return checked("102", (service_id, service_type, service_name, service_status))

    @staticmethod
    def update_service_status(service_status=None):
        """Row 104. Sets the status of the service the topic addresses (s/us/<service external ID>).

        Parameters, as on the wire:

        * service_status (str, mandatory); up, down, unknown or a word of your own

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            104,up

        Source: MQTT static templates, 104, topic s/us.
        """
        if kind(service_status) is str and service_status:
            return ("104", service_status)
        return checked("104", (service_status,))

    @staticmethod
    def get_child_devices():
        """Row 105. Asks for the list of child devices.

        Example:

            105

        Source: MQTT static templates, 105, topic s/us; answered by 106.
        """
        return ("105",)

    @staticmethod
    def clear_device_fragments(fragments=None):
        """Row 107. Removes fragments from the device object.

        Parameters, as on the wire:

        * fragments (list of str; at least 1)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            107,c8y_Position,c8y_Configuration

        Source: MQTT static templates, 107, topic s/us.
        """
        if (
            (kind(fragments) is list or kind(fragments) is tuple)
            and fragments
            and all(kind(item) is str and item for item in fragments)
            and fragments[-1]
        ):
            return ("107", *fragments)
        return checked("107", (fragments,))

    @staticmethod
    def set_hardware(serial_number=None, model=None, revision=None):
        """Row 110. Sets the hardware properties.

        Parameters, as on the wire:

        * serial_number (str, optional)
        * model (str, optional)
        * revision (str, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            110,1234567890,myModel,1.2.3

        Source: MQTT static templates, 110, topic s/us.
        """
        if (
            (serial_number is None or kind(serial_number) is str)
            and (model is None or kind(model) is str)
            and (revision is None or kind(revision) is str)
        ):
            if revision:
                return ("110", serial_number, model, revision)
            if model:
                return ("110", serial_number, model)
            if serial_number:
                return ("110", serial_number)
            return ("110",)
        return checked("110", (serial_number, model, revision))

    @staticmethod
    def set_mobile(imei=None, iccid=None, imsi=None, mcc=None, mnc=None, lac=None, cell_id=None):
        """Row 111. Sets the mobile network properties.

        Parameters, as on the wire:

        * imei (str, optional)
        * iccid (str, optional)
        * imsi (str, optional)
        * mcc (str, optional)
        * mnc (str, optional)
        * lac (str, optional)
        * cell_id (str, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            111,1234567890,,54353

        Source: MQTT static templates, 111, topic s/us.
        """
        if (
            (imei is None or kind(imei) is str)
            and (iccid is None or kind(iccid) is str)
            and (imsi is None or kind(imsi) is str)
            and (mcc is None or kind(mcc) is str)
            and (mnc is None or kind(mnc) is str)
            and (lac is None or kind(lac) is str)
            and (cell_id is None or kind(cell_id) is str)
        ):
            if cell_id:
                return ("111", imei, iccid, imsi, mcc, mnc, lac, cell_id)
            if lac:
                return ("111", imei, iccid, imsi, mcc, mnc, lac)
            if mnc:
                return ("111", imei, iccid, imsi, mcc, mnc)
            if mcc:
                return ("111", imei, iccid, imsi, mcc)
            if imsi:
                return ("111", imei, iccid, imsi)
            if iccid:
                return ("111", imei, iccid)
            if imei:
                return ("111", imei)
            return ("111",)
        return checked("111", (imei, iccid, imsi, mcc, mnc, lac, cell_id))

    @staticmethod
    def set_position(latitude=None, longitude=None, altitude=None, accuracy=None):
        """Row 112. Sets the position of the device.

        Parameters, as on the wire:

        * latitude (float, int or Decimal, optional)
        * longitude (float, int or Decimal, optional)
        * altitude (float, int or Decimal, optional)
        * accuracy (int, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            112,50.323423,6.423423

        Source: MQTT static templates, 112, topic s/us.
        """
        if (
            (latitude is None
                 or (kind(latitude) is float and latitude - latitude == 0.0)
                 or (kind(latitude) is int and -BIG < latitude < BIG))
            and (longitude is None
                 or (kind(longitude) is float and longitude - longitude == 0.0)
                 or (kind(longitude) is int and -BIG < longitude < BIG))
            and (altitude is None
                 or (kind(altitude) is float and altitude - altitude == 0.0)
                 or (kind(altitude) is int and -BIG < altitude < BIG))
            and (accuracy is None or (kind(accuracy) is int and -BIG < accuracy < BIG))
        ):
            if accuracy is not None:
                return ("112", latitude, longitude, altitude, accuracy)
            if altitude is not None:
                return ("112", latitude, longitude, altitude)
            if longitude is not None:
                return ("112", latitude, longitude)
            if latitude is not None:
                return ("112", latitude)
            return ("112",)
        return checked("112", (latitude, longitude, altitude, accuracy))

    @staticmethod
    def set_configuration(configuration=None):
        """Row 113. Sets the text configuration; line breaks are real LF characters inside quotes.

        Parameters, as on the wire:

        * configuration (str, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            113,"val1=1⏎val2=2"

        Source: MQTT static templates, 113, topic s/us.
        """
        if configuration is None or kind(configuration) is str:
            if configuration:
                return ("113", configuration)
            return ("113",)
        return checked("113", (configuration,))

    @staticmethod
    def set_supported_operations(operations=None):
        """Row 114. Replaces the list of supported operations.

        Parameters, as on the wire:

        * operations (list of str)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            114,c8y_Restart,c8y_Configuration,c8y_SoftwareList

        Source: MQTT static templates, 114, topic s/us.
        """
        if (
            (kind(operations) is list or kind(operations) is tuple)
            and all(kind(item) is str for item in operations)
            and (not operations or operations[-1])
        ):
            return ("114", *operations)
        return checked("114", (operations,))

    @staticmethod
    def set_firmware(name=None, version=None, url=None):
        """Row 115. Sets the installed firmware.

        Parameters, as on the wire:

        * name (str, optional)
        * version (str, optional)
        * url (str, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            115,firmwareName,firmwareVersion,firmwareUrl

        Source: MQTT static templates, 115, topic s/us.
        """
        if (
            (name is None or kind(name) is str)
            and (version is None or kind(version) is str)
            and (url is None or kind(url) is str)
        ):
            if url:
                return ("115", name, version, url)
            if version:
                return ("115", name, version)
            if name:
                return ("115", name)
            return ("115",)
        return checked("115", (name, version, url))

    @staticmethod
    def set_software_list(software=None):
        """Row 116. Replaces the installed software list.

        Parameters, as on the wire:

        * software (list of Software or tuples: name (str, optional), version (str, optional), url (str, optional))

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            116,software1,version1,url1,software2,,url2,software3,version3

        Source: MQTT static templates, 116, topic s/us.
        """
        if kind(software) is list or kind(software) is tuple:
            fields = ["116"]
            for item in software:
                if not (kind(item) is Software or (kind(item) is tuple and len(item) == 3)):
                    break
                name, version, url = item
                if not (
                    (name is None or kind(name) is str)
                    and (version is None or kind(version) is str)
                    and (url is None or kind(url) is str)
                ):
                    break
                fields += item
            else:
                row = trimmed(fields, len(fields) - 2)
                if row[-1] is not None and row[-1] != '':
                    return row
        return checked("116", (software,))

    @staticmethod
    def set_required_availability(required_interval=None):
        """Row 117. Sets the availability interval in minutes, only if none is set yet.

        Parameters, as on the wire:

        * required_interval (int, optional); minutes; 0 or less: maintenance

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            117,60

        Source: MQTT static templates, 117, topic s/us.
        """
        if required_interval is None or (kind(required_interval) is int and -BIG < required_interval < BIG):
            if required_interval is not None:
                return ("117", required_interval)
            return ("117",)
        return checked("117", (required_interval,))

    @staticmethod
    def set_supported_logs(logs=None):
        """Row 118. Replaces the list of supported log types.

        Parameters, as on the wire:

        * logs (list of str)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            118,ntcagent,dmesg,logread

        Source: MQTT static templates, 118, topic s/us.
        """
        if (
            (kind(logs) is list or kind(logs) is tuple)
            and all(kind(item) is str for item in logs)
            and (not logs or logs[-1])
        ):
            return ("118", *logs)
        return checked("118", (logs,))

    @staticmethod
    def set_supported_configurations(configurations=None):
        """Row 119. Replaces the list of supported configuration types.

        Parameters, as on the wire:

        * configurations (list of str)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            119,modbus,system

        Source: MQTT static templates, 119, topic s/us.
        """
        if (
            (kind(configurations) is list or kind(configurations) is tuple)
            and all(kind(item) is str for item in configurations)
            and (not configurations or configurations[-1])
        ):
            return ("119", *configurations)
        return checked("119", (configurations,))

    @staticmethod
    def set_installed_configuration(config_type=None, url=None, file_name=None, time=None):
        """Row 120. Reports the configuration file now in use.

        Parameters, as on the wire:

        * config_type (str, mandatory)
        * url (str, mandatory)
        * file_name (str, optional, default: the configuration type)
        * time (aware datetime, optional, default: current date and time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            120,myType,http://www.my.url,config.bin,2020-07-22T17:03:14.000+02:00

        Source: MQTT static templates, 120, topic s/us.
        """
        if (
            kind(config_type) is str
            and config_type
            and kind(url) is str
            and url
            and (file_name is None or kind(file_name) is str)
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("120", config_type, url, file_name, time)
            if file_name:
                return ("120", config_type, url, file_name)
            return ("120", config_type, url)
        return checked("120", (config_type, url, file_name, time))

    @staticmethod
    def set_device_profile(profile_executed=None, profile_id=None):
        """Row 121. Reports the device profile that is being applied.

        Parameters, as on the wire:

        * profile_executed (str, mandatory); true or false
        * profile_id (str, optional, default: profile of the oldest EXECUTING device profile operation)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            121,true,8473

        Source: MQTT static templates, 121, topic s/us.
        """
        if kind(profile_executed) is str and profile_executed and (profile_id is None or kind(profile_id) is str):
            if profile_id:
                return ("121", profile_executed, profile_id)
            return ("121", profile_executed)
        return checked("121", (profile_executed, profile_id))

    @staticmethod
    def set_agent_information(name=None, version=None, url=None, *, maintainer=None):
        """Row 122. Reports the agent that runs on the device.

        Parameters, as on the wire:

        * name (str, mandatory)
        * version (str, mandatory)
        * url (str, optional)
        * maintainer (str, mandatory)

        An optional parameter stands before a mandatory one: send it empty.

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            122,thin-edge.io,0.6,https://thin-edge.io,Cumulocity

        Source: MQTT static templates, 122, topic s/us.
        """
        if (
            kind(name) is str
            and name
            and kind(version) is str
            and version
            and (url is None or kind(url) is str)
            and kind(maintainer) is str
            and maintainer
        ):
            return ("122", name, version, url, maintainer)
        return checked("122", (name, version, url, maintainer))

    @staticmethod
    def get_device_id():
        """Row 123. Asks for the internal ID of the device's managed object.

        Example:

            123

        Source: MQTT static templates, 123, topic s/us; answered by 124.
        """
        return ("123",)

    @staticmethod
    def send_heartbeat():
        """Row 125. Updates the availability status.

        Example:

            125

        Source: MQTT static templates, 125, topic s/us.
        """
        return ("125",)

    @staticmethod
    def set_advanced_software_list(software=None):
        """Row 140. Replaces the typed software list.

        Parameters, as on the wire:

        * software (list of AdvancedSoftware or tuples: name (str, mandatory), version (str, mandatory, may be the empty
          text), software_type (str, optional), url (str, optional); at least 1)

        Thin-edge.io sends 140,,,, for an empty list, and an empty version where it knows none.

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            140,docker,3.2.1,systemd,https://www.docker.com/,nginx,1.6,container,https://www.nginx.com/

        Source: MQTT static templates, 140, topic s/us.
        """
        if (kind(software) is list or kind(software) is tuple) and software:
            fields = ["140"]
            for item in software:
                if not (kind(item) is AdvancedSoftware or (kind(item) is tuple and len(item) == 4)):
                    break
                name, version, software_type, url = item
                if not (
                    kind(name) is str
                    and name
                    and kind(version) is str
                    and (software_type is None or kind(software_type) is str)
                    and (url is None or kind(url) is str)
                ):
                    break
                fields += item
            else:
                row = trimmed(fields, len(fields) - 2)
                if row[-1] is not None and row[-1] != '':
                    return row
        return checked("140", (software,))

    @staticmethod
    def append_advanced_software(software=None):
        """Row 141. Adds items to the typed software list.

        Parameters, as on the wire:

        * software (list of AdvancedSoftware or tuples: name (str, mandatory), version (str, mandatory, may be the empty
          text), software_type (str, optional), url (str, optional); at least 1)

        Thin-edge.io sends an empty version where it knows none.

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            141,docker,3.2.1,systemd,https://www.docker.com/,nginx,1.6,container,https://www.nginx.com/

        Source: MQTT static templates, 141, topic s/us.
        """
        if (kind(software) is list or kind(software) is tuple) and software:
            fields = ["141"]
            for item in software:
                if not (kind(item) is AdvancedSoftware or (kind(item) is tuple and len(item) == 4)):
                    break
                name, version, software_type, url = item
                if not (
                    kind(name) is str
                    and name
                    and kind(version) is str
                    and (software_type is None or kind(software_type) is str)
                    and (url is None or kind(url) is str)
                ):
                    break
                fields += item
            else:
                row = trimmed(fields, len(fields) - 2)
                if row[-1] is not None and row[-1] != '':
                    return row
        return checked("141", (software,))

    @staticmethod
    def remove_advanced_software(software=None):
        """Row 142. Removes items from the typed software list.

        Parameters, as on the wire:

        * software (list of SoftwareVersion or tuples: name (str, mandatory), version (str, mandatory); at least 1)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            142,docker,3.2.1,nginx,1.6

        Source: MQTT static templates, 142, topic s/us.
        """
        if (kind(software) is list or kind(software) is tuple) and software:
            fields = ["142"]
            for item in software:
                if not (kind(item) is SoftwareVersion or (kind(item) is tuple and len(item) == 2)):
                    break
                name, version = item
                if not (kind(name) is str and name and kind(version) is str and version):
                    break
                fields += item
            else:
                row = trimmed(fields, len(fields) - 0)
                if row[-1] is not None and row[-1] != '':
                    return row
        return checked("142", (software,))

    @staticmethod
    def set_supported_software_types(software_types=None):
        """Row 143. Replaces the supported software types; empty items are ignored, an empty list removes
        c8y_SupportedSoftwareTypes.

        Parameters, as on the wire:

        * software_types (list of str)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            143,yum,docker

        Source: MQTT static templates, 143, topic s/us.
        """
        if (
            (kind(software_types) is list or kind(software_types) is tuple)
            and all(kind(item) is str for item in software_types)
            and (not software_types or software_types[-1])
        ):
            return ("143", *software_types)
        return checked("143", (software_types,))

    @staticmethod
    def set_remote_access_protocols(protocols=None):
        """Row 150. Replaces the supported remote access protocols; an empty list removes
        c8y_RemoteAccessSupportedProtocols.

        Parameters, as on the wire:

        * protocols (list of str); SSH, TELNET, VNC or PASSTHROUGH; the docs example uses lower case

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            150,ssh,vnc

        Source: MQTT static templates, 150, topic s/us.
        """
        if (
            (kind(protocols) is list or kind(protocols) is tuple)
            and all(kind(item) is str for item in protocols)
            and (not protocols or protocols[-1])
        ):
            return ("150", *protocols)
        return checked("150", (protocols,))

    @staticmethod
    def create_measurement(fragment=None, series=None, value=None, unit=None, time=None):
        """Row 200. Creates a measurement with one fragment and series.

        Parameters, as on the wire:

        * fragment (str, mandatory)
        * series (str, mandatory)
        * value (float, int or Decimal, mandatory)
        * unit (str, optional)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            200,c8y_Temperature,T,25

        Source: MQTT static templates, 200, topic s/us.
        """
        if (
            kind(fragment) is str
            and fragment
            and kind(series) is str
            and series
            and ((kind(value) is float and value - value == 0.0) or (kind(value) is int and -BIG < value < BIG))
            and (unit is None or kind(unit) is str)
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("200", fragment, series, value, unit, time)
            if unit:
                return ("200", fragment, series, value, unit)
            return ("200", fragment, series, value)
        return checked("200", (fragment, series, value, unit, time))

    @staticmethod
    def create_measurements(type=None, time=None, *, series_values=None):
        """Row 201. Creates one measurement with several fragments and series.

        Parameters, as on the wire:

        * type (str, mandatory)
        * time (aware datetime, optional); server time when empty
        * series_values (list of SeriesValue or tuples: fragment (str, mandatory), series (str, mandatory), value
          (float, int or Decimal, mandatory), unit (str, optional); at least 1)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            201,KamstrupA220Reading,2022-03-19T12:03:27.845Z,c8y_SinglePhaseEnergyMeasurement,A+:1,1234,kWh,c8y_SinglePhaseEnergyMeasurement,A-:1,2345,kWh,c8y_ThreePhaseEnergyMeasurement,A+:1,123,kWh,c8y_ThreePhaseEnergyMeasurement,A+:2,234,kWh,c8y_ThreePhaseEnergyMeasurement,A+:3,345,kWh

        Source: MQTT static templates, 201, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
            and (kind(series_values) is list or kind(series_values) is tuple)
            and series_values
        ):
            fields = ["201", type, time]
            for item in series_values:
                if not (kind(item) is SeriesValue or (kind(item) is tuple and len(item) == 4)):
                    break
                fragment, series, value, unit = item
                if not (
                    kind(fragment) is str
                    and fragment
                    and kind(series) is str
                    and series
                    and ((kind(value) is float and value - value == 0.0) or (kind(value) is int and -BIG < value < BIG))
                    and (unit is None or kind(unit) is str)
                ):
                    break
                fields += item
            else:
                row = trimmed(fields, len(fields) - 1)
                if row[-1] is not None and row[-1] != '':
                    return row
        return checked("201", (type, time, series_values))

    @staticmethod
    def create_signal_strength(rssi=None, ber=None, time=None):
        """Row 210. Creates a c8y_SignalStrength measurement.

        Parameters, as on the wire:

        * rssi (float, int or Decimal, mandatory if ber is not set)
        * ber (float, int or Decimal, mandatory if rssi is not set)
        * time (aware datetime, optional, default: current server time)

        At least one of rssi and ber must be given.

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            210,-90,23,2016-06-22T17:03:14.000+02:00

        Source: MQTT static templates, 210, topic s/us.
        """
        if (
            (rssi is None or (kind(rssi) is float and rssi - rssi == 0.0) or (kind(rssi) is int and -BIG < rssi < BIG))
            and (ber is None or (kind(ber) is float and ber - ber == 0.0) or (kind(ber) is int and -BIG < ber < BIG))
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
            and (rssi is not None or ber is not None)
        ):
            if time is not None:
                return ("210", rssi, ber, time)
            if ber is not None:
                return ("210", rssi, ber)
            if rssi is not None:
                return ("210", rssi)
            return ("210",)
        return checked("210", (rssi, ber, time))

    @staticmethod
    def create_temperature(temperature=None, time=None):
        """Row 211. Creates a c8y_TemperatureMeasurement.

        Parameters, as on the wire:

        * temperature (float, int or Decimal, mandatory)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            211,25,2016-06-22T17:03:14.000+02:00

        Source: MQTT static templates, 211, topic s/us.
        """
        if (
            ((kind(temperature) is float and temperature - temperature == 0.0)
                 or (kind(temperature) is int and -BIG < temperature < BIG))
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("211", temperature, time)
            return ("211", temperature)
        return checked("211", (temperature, time))

    @staticmethod
    def create_battery(battery=None, time=None):
        """Row 212. Creates a c8y_Battery measurement.

        Parameters, as on the wire:

        * battery (float, int or Decimal, mandatory)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            212,95,2016-06-22T17:03:14.000+02:00

        Source: MQTT static templates, 212, topic s/us.
        """
        if (
            ((kind(battery) is float and battery - battery == 0.0) or (kind(battery) is int and -BIG < battery < BIG))
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("212", battery, time)
            return ("212", battery)
        return checked("212", (battery, time))

    @staticmethod
    def create_critical_alarm(type=None, text=None, time=None):
        """Row 301. Raises an alarm of severity CRITICAL.

        Parameters, as on the wire:

        * type (str, mandatory)
        * text (str, optional, default: Alarm of type <alarmType> raised)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            301,c8y_TemperatureAlarm

        Source: MQTT static templates, 301, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and (text is None or kind(text) is str)
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("301", type, text, time)
            if text:
                return ("301", type, text)
            return ("301", type)
        return checked("301", (type, text, time))

    @staticmethod
    def create_major_alarm(type=None, text=None, time=None):
        """Row 302. Raises an alarm of severity MAJOR.

        Parameters, as on the wire:

        * type (str, mandatory)
        * text (str, optional, default: Alarm of type <alarmType> raised)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            302,c8y_TemperatureAlarm,"This is an alarm"

        Source: MQTT static templates, 302, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and (text is None or kind(text) is str)
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("302", type, text, time)
            if text:
                return ("302", type, text)
            return ("302", type)
        return checked("302", (type, text, time))

    @staticmethod
    def create_minor_alarm(type=None, text=None, time=None):
        """Row 303. Raises an alarm of severity MINOR.

        Parameters, as on the wire:

        * type (str, mandatory)
        * text (str, optional, default: Alarm of type <alarmType> raised)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            303,c8y_TemperatureAlarm

        Source: MQTT static templates, 303, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and (text is None or kind(text) is str)
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("303", type, text, time)
            if text:
                return ("303", type, text)
            return ("303", type)
        return checked("303", (type, text, time))

    @staticmethod
    def create_warning_alarm(type=None, text=None, time=None):
        """Row 304. Raises an alarm of severity WARNING.

        Parameters, as on the wire:

        * type (str, mandatory)
        * text (str, optional, default: Alarm of type <alarmType> raised)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            304,c8y_TemperatureAlarm,,2013-06-22T17:03:14.000+02:00

        Source: MQTT static templates, 304, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and (text is None or kind(text) is str)
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("304", type, text, time)
            if text:
                return ("304", type, text)
            return ("304", type)
        return checked("304", (type, text, time))

    @staticmethod
    def update_alarm_severity(type=None, severity=None):
        """Row 305. Changes the severity of an existing alarm.

        Parameters, as on the wire:

        * type (str, mandatory)
        * severity (Severity or str, mandatory); CRITICAL, MAJOR, MINOR or WARNING

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            305,c8y_TemperatureAlarm,CRITICAL

        Source: MQTT static templates, 305, topic s/us.
        """
        return checked("305", (type, severity))

    @staticmethod
    def clear_alarm(type=None):
        """Row 306. Clears an existing alarm by its type.

        Parameters, as on the wire:

        * type (str, mandatory)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            306,c8y_TemperatureAlarm

        Source: MQTT static templates, 306, topic s/us.
        """
        if kind(type) is str and type:
            return ("306", type)
        return checked("306", (type,))

    @staticmethod
    def clear_alarm_fragments(type=None, fragments=None):
        """Row 307. Removes fragments from an alarm of a type.

        Parameters, as on the wire:

        * type (str, mandatory)
        * fragments (list of str; at least 1)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            307,c8y_TemperatureAlarm,c8y_Position,c8y_Configuration

        Source: MQTT static templates, 307, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and (kind(fragments) is list or kind(fragments) is tuple)
            and fragments
            and all(kind(item) is str and item for item in fragments)
            and fragments[-1]
        ):
            return ("307", type, *fragments)
        return checked("307", (type, fragments))

    @staticmethod
    def create_event(type=None, text=None, time=None):
        """Row 400. Creates an event.

        Parameters, as on the wire:

        * type (str, mandatory)
        * text (str, mandatory)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            400,c8y_MyEvent,"Something was triggered"

        Source: MQTT static templates, 400, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and kind(text) is str
            and text
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("400", type, text, time)
            return ("400", type, text)
        return checked("400", (type, text, time))

    @staticmethod
    def create_location_event(latitude=None, longitude=None, altitude=None, accuracy=None, time=None):
        """Row 401. Creates a location update event.

        Parameters, as on the wire:

        * latitude (float, int or Decimal, optional)
        * longitude (float, int or Decimal, optional)
        * altitude (float, int or Decimal, optional)
        * accuracy (float, int or Decimal, optional)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            401,51.151977,6.95173,67

        Source: MQTT static templates, 401, topic s/us.
        """
        if (
            (latitude is None
                 or (kind(latitude) is float and latitude - latitude == 0.0)
                 or (kind(latitude) is int and -BIG < latitude < BIG))
            and (longitude is None
                 or (kind(longitude) is float and longitude - longitude == 0.0)
                 or (kind(longitude) is int and -BIG < longitude < BIG))
            and (altitude is None
                 or (kind(altitude) is float and altitude - altitude == 0.0)
                 or (kind(altitude) is int and -BIG < altitude < BIG))
            and (accuracy is None
                 or (kind(accuracy) is float and accuracy - accuracy == 0.0)
                 or (kind(accuracy) is int and -BIG < accuracy < BIG))
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("401", latitude, longitude, altitude, accuracy, time)
            if accuracy is not None:
                return ("401", latitude, longitude, altitude, accuracy)
            if altitude is not None:
                return ("401", latitude, longitude, altitude)
            if longitude is not None:
                return ("401", latitude, longitude)
            if latitude is not None:
                return ("401", latitude)
            return ("401",)
        return checked("401", (latitude, longitude, altitude, accuracy, time))

    @staticmethod
    def create_location_event_with_device_update(
        latitude=None, longitude=None, altitude=None, accuracy=None, time=None
    ):
        """Row 402. Creates a location update event and writes c8y_Position to the device.

        Parameters, as on the wire:

        * latitude (float, int or Decimal, optional)
        * longitude (float, int or Decimal, optional)
        * altitude (float, int or Decimal, optional)
        * accuracy (float, int or Decimal, optional)
        * time (aware datetime, optional, default: current server time)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            402,51.151977,6.95173,67

        Source: MQTT static templates, 402, topic s/us.
        """
        if (
            (latitude is None
                 or (kind(latitude) is float and latitude - latitude == 0.0)
                 or (kind(latitude) is int and -BIG < latitude < BIG))
            and (longitude is None
                 or (kind(longitude) is float and longitude - longitude == 0.0)
                 or (kind(longitude) is int and -BIG < longitude < BIG))
            and (altitude is None
                 or (kind(altitude) is float and altitude - altitude == 0.0)
                 or (kind(altitude) is int and -BIG < altitude < BIG))
            and (accuracy is None
                 or (kind(accuracy) is float and accuracy - accuracy == 0.0)
                 or (kind(accuracy) is int and -BIG < accuracy < BIG))
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
        ):
            if time is not None:
                return ("402", latitude, longitude, altitude, accuracy, time)
            if accuracy is not None:
                return ("402", latitude, longitude, altitude, accuracy)
            if altitude is not None:
                return ("402", latitude, longitude, altitude)
            if longitude is not None:
                return ("402", latitude, longitude)
            if latitude is not None:
                return ("402", latitude)
            return ("402",)
        return checked("402", (latitude, longitude, altitude, accuracy, time))

    @staticmethod
    def clear_event_fragments(type=None, fragments=None):
        """Row 407. Removes fragments from an event of a type.

        Parameters, as on the wire:

        * type (str, mandatory)
        * fragments (list of str); the page marks it optional, unlike 107 and 307

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            407,c8y_MyEvent,c8y_Position,c8y_Configuration

        Source: MQTT static templates, 407, topic s/us.
        """
        if (
            kind(type) is str
            and type
            and (kind(fragments) is list or kind(fragments) is tuple)
            and all(kind(item) is str for item in fragments)
            and (not fragments or fragments[-1])
        ):
            return ("407", type, *fragments)
        return checked("407", (type, fragments))

    @staticmethod
    def create_parameter_update_event(text=None, time=None, change_detect=None, *, parameters=None):
        """Row 408. Creates an event of type c8y_ParameterUpdate; with change detection only when a value is new.

        Parameters, as on the wire:

        * text (str, optional, default: Parameter '<fragment>' was updated); the page's default names the fragment
          c8y_RelayStatus of its example
        * time (aware datetime, optional, default: current server time)
        * change_detect (bool, optional, default: false)
        * parameters (list of ParameterValue or tuples: path (str, mandatory), type (str, mandatory), value (str,
          optional, default: null); at least 1); for example BOOLEAN

        Newest docs only; not in thin-edge.io message_ids.

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            408,,,,c8y_RelayStatus.left,BOOLEAN,true,c8y_RelayStatus.right,BOOLEAN,false

        Source: MQTT static templates, 408, topic s/us.
        """
        if (
            (text is None or kind(text) is str)
            and (time is None or (kind(time) is datetime and time.tzinfo is UTC))
            and (change_detect is None or kind(change_detect) is bool)
            and (kind(parameters) is list or kind(parameters) is tuple)
            and parameters
        ):
            fields = ["408", text, time, change_detect]
            for item in parameters:
                if not (kind(item) is ParameterValue or (kind(item) is tuple and len(item) == 3)):
                    break
                path, type, value = item
                if not (
                    kind(path) is str
                    and path
                    and kind(type) is str
                    and type
                    and (value is None or kind(value) is str)
                ):
                    break
                fields += item
            else:
                row = trimmed(fields, len(fields) - 1)
                if row[-1] is not None and row[-1] != '':
                    return row
        return checked("408", (text, time, change_detect, parameters))

    @staticmethod
    def get_pending_operations():
        """Row 500. Asks for all PENDING operations of the agent.

        Example:

            500

        Source: MQTT static templates, 500, topic s/us.
        """
        return ("500",)

    @staticmethod
    def set_operation_executing(fragment=None):
        """Row 501. Sets the oldest PENDING operation with the fragment to EXECUTING.

        Parameters, as on the wire:

        * fragment (str, mandatory)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            501,c8y_Restart

        Source: MQTT static templates, 501, topic s/us.
        """
        if kind(fragment) is str and fragment:
            return ("501", fragment)
        return checked("501", (fragment,))

    @staticmethod
    def set_operation_failed(fragment=None, failure_reason=None):
        """Row 502. Sets the oldest EXECUTING operation with the fragment to FAILED.

        Parameters, as on the wire:

        * fragment (str, mandatory)
        * failure_reason (str, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            502,c8y_Restart,"Could not restart"

        Source: MQTT static templates, 502, topic s/us.
        """
        if kind(fragment) is str and fragment and (failure_reason is None or kind(failure_reason) is str):
            if failure_reason:
                return ("502", fragment, failure_reason)
            return ("502", fragment)
        return checked("502", (fragment, failure_reason))

    @staticmethod
    def set_operation_successful(fragment=None, result_parameters=None):
        """Row 503. Sets the oldest EXECUTING operation with the fragment to SUCCESSFUL; extra parameters depend on the
        fragment.

        Parameters, as on the wire:

        * fragment (str, mandatory)
        * result_parameters (list of str)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            503,c8y_Restart

        Source: MQTT static templates, 503, topic s/us.
        """
        if (
            kind(fragment) is str
            and fragment
            and (kind(result_parameters) is list or kind(result_parameters) is tuple)
            and all(kind(item) is str for item in result_parameters)
            and (not result_parameters or result_parameters[-1])
        ):
            return ("503", fragment, *result_parameters)
        return checked("503", (fragment, result_parameters))

    @staticmethod
    def set_operation_executing_by_id(operation_id=None):
        """Row 504. Sets one operation to EXECUTING.

        Parameters, as on the wire:

        * operation_id (str, mandatory)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            504,123

        Source: MQTT static templates, 504, topic s/us.
        """
        if kind(operation_id) is str and operation_id:
            return ("504", operation_id)
        return checked("504", (operation_id,))

    @staticmethod
    def set_operation_failed_by_id(operation_id=None, failure_reason=None):
        """Row 505. Sets one operation to FAILED.

        Parameters, as on the wire:

        * operation_id (str, mandatory)
        * failure_reason (str, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            505,123,"Could not restart"

        Source: MQTT static templates, 505, topic s/us.
        """
        if kind(operation_id) is str and operation_id and (failure_reason is None or kind(failure_reason) is str):
            if failure_reason:
                return ("505", operation_id, failure_reason)
            return ("505", operation_id)
        return checked("505", (operation_id, failure_reason))

    @staticmethod
    def set_operation_successful_by_id(operation_id=None, result_parameters=None):
        """Row 506. Sets one operation to SUCCESSFUL.

        Parameters, as on the wire:

        * operation_id (str, mandatory)
        * result_parameters (list of str)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            506,123

        Source: MQTT static templates, 506, topic s/us.
        """
        if (
            kind(operation_id) is str
            and operation_id
            and (kind(result_parameters) is list or kind(result_parameters) is tuple)
            and all(kind(item) is str for item in result_parameters)
            and (not result_parameters or result_parameters[-1])
        ):
            return ("506", operation_id, *result_parameters)
        return checked("506", (operation_id, result_parameters))

    @staticmethod
    def fail_executing_operations(fragment=None, failure_reason=None):
        """Row 507. Sets every EXECUTING operation (with the fragment) to FAILED.

        Parameters, as on the wire:

        * fragment (str, optional); empty: all EXECUTING operations
        * failure_reason (str, optional)

        Raises TemplateError naming the parameter that is missing or does not fit.

        Example:

            507,c8y_Restart,"Unexpected device restart"

        Source: MQTT static templates, 507, topic s/us.
        """
        if (fragment is None or kind(fragment) is str) and (failure_reason is None or kind(failure_reason) is str):
            if failure_reason:
                return ("507", fragment, failure_reason)
            if fragment:
                return ("507", fragment)
            return ("507",)
        return checked("507", (fragment, failure_reason))

    @staticmethod
    def get_platform_version():
        """Row 600. Asks for the platform version.

        Newest docs only; not in thin-edge.io message_ids.

        Example:

            600

        Source: MQTT static templates, 600, topic s/us; answered by 601.
        """
        return ("600",)

    @staticmethod
    def get_supported_templates():
        """Row 602. Asks which static template IDs the tenant accepts.

        Newest docs only; not in thin-edge.io message_ids.

        Example:

            602

        Source: MQTT static templates, 602, topic s/us; answered by 603.
        """
        return ("602",)
