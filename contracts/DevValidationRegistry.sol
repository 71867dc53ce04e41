// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Agents} from "./AgentRegistry.sol";

/// The Validation Registry of ERC-8004 as agents and validators see it (version 1.1.0), for the
/// development chain alone. No constructor and no immutables: its code stands in a genesis block.
contract DevValidationRegistry {
    struct Validation {
        address validatorAddress;
        uint8 response;
        bool answered;
        uint256 agentId;
        bytes32 responseHash;
        string tag;
        uint256 lastUpdate;
    }

    mapping(bytes32 requestHash => Validation) private _validations;
    mapping(uint256 agentId => bytes32[]) private _ofAgent;
    mapping(address validator => bytes32[]) private _ofValidator;

    event ValidationRequest(
        address indexed validatorAddress, uint256 indexed agentId, string requestURI, bytes32 indexed requestHash
    );
    event ValidationResponse(
        address indexed validatorAddress,
        uint256 indexed agentId,
        bytes32 indexed requestHash,
        uint8 response,
        string responseURI,
        bytes32 responseHash,
        string tag
    );

    function getVersion() external pure returns (string memory) {
        return "1.1.0";
    }

    function getIdentityRegistry() external pure returns (address) {
        return address(Agents.REGISTRY);
    }

    function validationRequest(address validator, uint256 agentId, string calldata requestURI, bytes32 requestHash)
        external
    {
        require(validator != address(0), "bad validator");
        require(_validations[requestHash].validatorAddress == address(0), "exists");
        require(Agents.controls(msg.sender, agentId), "Not authorized");
        Validation storage validation = _validations[requestHash];
        validation.validatorAddress = validator;
        validation.agentId = agentId;
        validation.lastUpdate = block.timestamp;
        _ofAgent[agentId].push(requestHash);
        _ofValidator[validator].push(requestHash);
        emit ValidationRequest(validator, agentId, requestURI, requestHash);
    }

    function validationResponse(
        bytes32 requestHash,
        uint8 response,
        string calldata responseURI,
        bytes32 responseHash,
        string calldata tag
    ) external {
        require(response <= 100, "resp>100");
        Validation storage validation = _validations[requestHash];
        require(validation.validatorAddress != address(0), "unknown");
        require(validation.validatorAddress == msg.sender, "not validator");
        validation.response = response;
        validation.answered = true;
        validation.responseHash = responseHash;
        validation.tag = tag;
        validation.lastUpdate = block.timestamp;
        emit ValidationResponse(
            msg.sender, validation.agentId, requestHash, response, responseURI, responseHash, tag
        );
    }

    function getValidationStatus(bytes32 requestHash)
        external
        view
        returns (address, uint256, uint8, bytes32, string memory, uint256)
    {
        Validation storage found = _validations[requestHash];
        require(found.validatorAddress != address(0), "unknown");
        return (
            found.validatorAddress, found.agentId, found.response, found.responseHash, found.tag, found.lastUpdate
        );
    }

    function getSummary(uint256 agentId, address[] calldata validators, string calldata tag)
        external
        view
        returns (uint64 count, uint8 average)
    {
        uint256 total;
        bytes32[] storage hashes = _ofAgent[agentId];
        for (uint256 i; i < hashes.length; i++) {
            Validation storage one = _validations[hashes[i]];
            bool tagged = bytes(tag).length == 0 || keccak256(bytes(one.tag)) == keccak256(bytes(tag));
            if (one.answered && tagged && _among(one.validatorAddress, validators)) {
                total += one.response;
                count++;
            }
        }
        if (count > 0) average = uint8(total / count);
    }

    function getAgentValidations(uint256 agentId) external view returns (bytes32[] memory) {
        return _ofAgent[agentId];
    }

    function getValidatorRequests(address validator) external view returns (bytes32[] memory) {
        return _ofValidator[validator];
    }

    function _among(address validator, address[] calldata validators) private pure returns (bool) {
        for (uint256 i; i < validators.length; i++) {
            if (validators[i] == validator) return true;
        }
        return validators.length == 0;
    }
}
