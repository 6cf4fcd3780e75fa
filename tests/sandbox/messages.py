"""NewRx messages as a portal would send them, with a fresh MessageID each."""

import uuid

NAMESPACE = ' xmlns="http://www.ncpdp.org/schema/SCRIPT"'


def make_new_rx(**overrides):
    values = {
        "message_id": uuid.uuid4().hex,
        "namespace": NAMESPACE,
        "dea_number": "AF1234563",
        "schedule": "C48675",
        "refills": "0",
        "indicator": "true",
        "written": "<Date>2026-11-22</Date>",
        "quantity": "30",
        "city": "Springfield",
        "drug": "oxycodone hydrochloride 5 MG Oral Tablet",
        "sig": "Take 1 tablet by mouth every 6 hours",
    } | overrides
    return TEMPLATE.format(**values).encode()


ADDRESS = """<Address><AddressLine1>1 Main St</AddressLine1><City>{city}</City>
<StateProvince>IL</StateProvince><PostalCode>62701</PostalCode>
<CountryCode>US</CountryCode></Address>"""

TEMPLATE = f"""<?xml version="1.0" encoding="UTF-8"?>
<Message{{namespace}} DatatypesVersion="20170715" TransportVersion="20170715"
 TransactionDomain="SCRIPT" TransactionVersion="20170715"
 StructuresVersion="20170715" ECLVersion="20170715">
<Header><To Qualifier="P">1234567</To><From Qualifier="D">7654321000001</From>
<MessageID>{{message_id}}</MessageID><SentTime>2026-11-22T10:00:00Z</SentTime>
<DigitalSignature Version="1.1">
<DigitalSignatureIndicator>{{indicator}}</DigitalSignatureIndicator>
</DigitalSignature></Header>
<Body><NewRx>
<Patient><HumanPatient><Name><LastName>Doe</LastName><FirstName>Pat</FirstName></Name>
<Gender>F</Gender>{ADDRESS}</HumanPatient></Patient>
<Prescriber><NonVeterinarian><Identification><DEANumber>{{dea_number}}</DEANumber>
<NPI>1234567893</NPI></Identification>
<Name><LastName>Ready</LastName><FirstName>Riley</FirstName></Name>{ADDRESS}
</NonVeterinarian></Prescriber>
<MedicationPrescribed><DrugDescription>{{drug}}</DrugDescription>
<DrugCoded><DEASchedule><Code>{{schedule}}</Code></DEASchedule></DrugCoded>
<Quantity><Value>{{quantity}}</Value></Quantity>
<WrittenDate>{{written}}</WrittenDate>
<NumberOfRefills>{{refills}}</NumberOfRefills>
<Sig><SigText>{{sig}}</SigText></Sig></MedicationPrescribed>
</NewRx></Body></Message>"""
